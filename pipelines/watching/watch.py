"""Puts together what there is to know of some days: who was asked, what came of it, and how far it is from training."""

from __future__ import annotations

import collections
import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.errors import InputError
from components.evaluation.metrics.bootstrap import Interval
from components.validation.kept_statistics import kept_statistics
from pipelines.watching.answers import Answered, answers_of
from pipelines.watching.clicks import Clicks, clicks_of
from pipelines.watching.distances import (
    Distance,
    columns_of,
    compared,
    numbers_among,
    schema_of,
    statistics_of,
    trained_on,
)
from serving.events.event import Event
from serving.events.store import EventStore

DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WatchConfig:
    """What is looked at.

    Attributes:
      push_directory: The folder of versions.
      log: Prefix of the request log.
      model: Name of the model in it.
      first, last: The days (UTC), both among them.
      before: So many days before the first are what drift is measured from.
      key: Under which the log hashes people; None = it does not.
      kinds: Kinds of events that are looked at; none = all.
      skew_above: Distance from the data of training above which a feature is too far.
      drift_above: Distance from the days before above which a feature is too far.
      least: Values on either side below which no feature is.
      schema: File with thresholds in place of these two (a TFMD Schema in text format).
    """

    push_directory: Path
    log: Path
    model: str
    first: datetime.date
    last: datetime.date
    before: int
    key: bytes | None = None
    kinds: tuple[str, ...] = ()
    skew_above: float = 0.1
    drift_above: float = 0.1
    least: int = 500
    schema: Path | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watched:
    """What there is to know.

    Attributes:
      config: What was looked at.
      sources: By version, how many lists came from what (serving/contract.py).
      by_day: By version, day and hit rate with its interval.
      clicks: What came of the lists.
      version: The version whose data of training are compared with; None = none of those that answered is there.
      distances: From these data, and from the days before.
      schema: With the thresholds.
    """

    config: WatchConfig
    sources: Mapping[int, Mapping[str, int]]
    by_day: Mapping[int, Sequence[tuple[datetime.date, Interval]]]
    clicks: Clicks
    version: int | None
    distances: Sequence[Distance]
    schema: schema_pb2.Schema

    @property
    def above(self) -> list[Distance]:
        """What is too far."""
        return [one for one in self.distances if one.is_above]

    def as_json(self) -> dict[str, Any]:
        """Everything but the schema, for machines; no number where there is none."""
        config = self.config
        return {
            "model": config.model,
            "first": str(config.first),
            "last": str(config.last),
            "days_before": config.before,
            "trained_version": self.version,
            "sources": {str(version): dict(counts) for version, counts in self.sources.items()},
            "events": {
                "all": self.clicks.events,
                "with_request_id": self.clicks.named,
                "joined": self.clicks.joined,
            },
            "versions": [_plain(one) for one in self.clicks.versions],
            "comparisons": [{**_plain(one), "verdict": one.verdict} for one in self.clicks.comparisons],
            "distances": [{**_plain(one), "is_above": one.is_above} for one in self.distances],
        }


def watch(config: WatchConfig, store: EventStore | None) -> Watched:
    """Reads the log and the events of the days.

    Args:
      config: What is looked at.
      store: Of the events; None = there are none.

    Raises:
      InputError: There is no log, nothing was answered on the days, or the schema cannot be read.
      StoreError: The store cannot be read.
    """
    schema = None if config.schema is None else read_schema(config.schema)
    answers = list(answers_of(config.log, config.model, config.first, config.last))
    if not answers:
        raise InputError(
            f"the request log has no list of model {config.model} from {config.first} to {config.last}",
            expected="at least one answer to serving_default, recommend, retrieve or similar",
            action="name other days (--day, --until), or another model (--model)",
        )
    events = _events(store, config, config.first, config.last + DAY)  # lists of the evening lead to some after midnight
    begin, end = _moment(config.first), _moment(config.last + DAY)
    newest = max(one.version for one in answers)
    kept = kept_statistics(str(config.push_directory), newest)
    trained = trained_on(kept)
    numbers = numbers_among(trained)
    now = statistics_of(columns_of(answers, (one for one in events if begin <= one.timestamp < end), numbers))
    earlier = _days_before(config)
    before = statistics_of(
        columns_of(
            answers_of(config.log, config.model, *earlier) if config.before else (),
            _events(store, config, *earlier) if config.before else (),
            numbers,
        )
    )
    if schema is None:
        schema = schema_of(now, trained, before, skew_above=config.skew_above, drift_above=config.drift_above)
    return Watched(
        config=config,
        sources=_sources(answers),
        by_day=_by_day(answers, events, config.key),
        clicks=clicks_of(answers, events, config.key),
        version=newest if kept else None,
        distances=compared(now, trained, before, schema, config.least),
        schema=schema,
    )


def read_schema(path: Path) -> schema_pb2.Schema:
    """A schema with thresholds.

    Raises:
      InputError: It is none.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), schema_pb2.Schema())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise InputError(
            f"{path} is no schema: {error}",
            expected="a tensorflow.metadata.v0.Schema in text format, such as the one that this command writes",
            action="correct it, or leave --schema out",
        ) from error


def _days_before(config: WatchConfig) -> tuple[datetime.date, datetime.date]:
    return config.first - config.before * DAY, config.first - DAY


def _events(store: EventStore | None, config: WatchConfig, first: datetime.date, last: datetime.date) -> list[Event]:
    """The events of days, both among them."""
    if store is None:
        return []
    found = store.between(_moment(first), _moment(last + DAY))
    return [one for one in found if not config.kinds or one.event in config.kinds]


def _moment(day: datetime.date) -> float:
    return datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc).timestamp()


def _sources(answers: Sequence[Answered]) -> dict[int, dict[str, int]]:
    counts: dict[int, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for one in answers:
        counts[one.version][one.source or one.signature] += 1
    return {version: dict(counts[version].most_common()) for version in sorted(counts)}


def _by_day(
    answers: Sequence[Answered], events: Sequence[Event], key: bytes | None
) -> dict[int, list[tuple[datetime.date, Interval]]]:
    days: dict[datetime.date, list[Answered]] = collections.defaultdict(list)
    for one in answers:
        days[datetime.datetime.fromtimestamp(one.time, datetime.timezone.utc).date()].append(one)
    found: dict[int, list[tuple[datetime.date, Interval]]] = collections.defaultdict(list)
    for day in sorted(days):
        for figures in clicks_of(days[day], events, key).versions:
            found[figures.version].append((day, figures.hit_rate))
    return dict(found)


def _plain(one: Any) -> dict[str, Any]:
    return {name: _without_nan(value) for name, value in dataclasses.asdict(one).items()}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    return None if isinstance(value, float) and value != value else value
