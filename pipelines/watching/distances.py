"""Skew and drift: how far what is asked and done is from the data of training, and from the days before.

Distances are those of components/validation/drift.py (TFDV's): for texts the largest difference of a value's share,
for numbers the Jensen–Shannon divergence. Features:

| feature | of | its data of training |
|---|---|---|
| `item`, `rating` | events | the items and stars of all interactions |
| `event` | events | – |
| `context_NAME` | requests | the column of the interactions |
| `user_NAME` | requests, the last of a person | the column of the users |
| `source`, `signature`, `shown_item`, `history_items` | lists | – |

Shares of few values say little: a distance of fewer than `least` values on either side is told and never above.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components import features
from components.features import SEQUENCES_SPLIT, USERS_SPLIT
from components.validation.drift import MEASURES
from components.validation.kept_statistics import Split
from pipelines.watching.answers import Answered
from serving.events.event import Event

ITEM, RATING = "item", "rating"
CONTEXT, USER = "context_", "user_"
SKEW, DRIFT = "skew", "drift"
_OF_EVENTS = {features.SEQUENCE_ITEM_IDS: ITEM, features.SEQUENCE_RATINGS: RATING}
_SEQUENCE_CONTEXT = features.sequence_of(CONTEXT)
_OTHER_OF_USERS = frozenset({features.USER_ID, features.ROWS})
_FEATURE = statistics_pb2.FeatureNameStatistics

Columns = dict[str, list[list[Any] | None]]
"""Values by feature: texts or numbers, any number a row; None = the row tells nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Distance:
    """How far a feature is from what it is compared with.

    Attributes:
      kind: `skew`, from the data of training, or `drift`, from the days before.
      feature: Its name.
      measure: Which distance.
      distance: From 0, the same distribution, to 1.
      threshold: Above it, it is too far.
      values: That were looked at, of the days and of what they are compared with.
      enough: Whether there are enough of them to tell.
    """

    kind: str
    feature: str
    measure: str
    distance: float
    threshold: float
    values: tuple[int, int]
    enough: bool

    @property
    def is_above(self) -> bool:
        """Whether it is too far, and there are enough values to say so."""
        return self.enough and self.distance > self.threshold


def columns_of(answers: Iterable[Answered], events: Iterable[Event], numbers: frozenset[str]) -> Columns:
    """The features of some days.

    Args:
      answers: The lists of the days.
      events: What was done on these days.
      numbers: Features of users that hold numbers.
    """
    columns: Columns = collections.defaultdict(list)
    last: dict[str, tuple[str, ...]] = {}
    for one in answers:
        columns["signature"].append([one.signature])
        columns["source"].append([one.source] if one.source else None)
        columns["shown_item"].append(list(one.items))
        columns["history_items"].append([float(one.told)] if one.told else None)
        for name, values in _told(CONTEXT, one.context).items():
            columns[name].append(values)
        last[one.user or one.request_id] = one.user_features
    for told in last.values():
        for name, values in _told(USER, told).items():
            columns[name].append(_numbers(values) if name in numbers else values)
    for event in events:
        columns[ITEM].append([event.item])
        columns["event"].append([event.event])
        columns[RATING].append(None if event.rating is None else [event.rating])
    return columns


def _told(prefix: str, texts: Sequence[str]) -> dict[str, list[Any]]:
    """Texts `feature=value` by the name of the feature."""
    found: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if equals:
            found.setdefault(prefix + name, []).append(value)
    return found


def _numbers(texts: Sequence[str]) -> list[float]:
    numbers = []
    for text in texts:
        try:
            numbers.append(float(text))
        except ValueError:
            continue
    return numbers


def statistics_of(columns: Columns) -> Any:
    """Their statistics (DatasetFeatureStatisticsList), or of no feature where there is nothing."""
    told = {name: rows for name, rows in columns.items() if any(rows)}
    if not told:
        return statistics_pb2.DatasetFeatureStatisticsList(datasets=[statistics_pb2.DatasetFeatureStatistics()])
    longest = max(map(len, told.values()))
    arrays = [pa.array([*rows, *[None] * (longest - len(rows))], _type(rows)) for rows in told.values()]
    batch = pa.RecordBatch.from_arrays(arrays, list(told))
    return stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions())


def _type(rows: Sequence[list[Any] | None]) -> pa.DataType:
    first = next(value for row in rows if row for value in row)
    return pa.list_(pa.float32() if isinstance(first, float) else pa.string())


def trained_on(kept: Mapping[Split, bytes]) -> Any:
    """The statistics of the data of training, features called as here.

    Args:
      kept: What a version keeps (components/validation/kept_statistics.py).
    """
    dataset = statistics_pb2.DatasetFeatureStatistics(name="training")
    for one in _features(kept.get(("sequences", SEQUENCES_SPLIT))):
        name = _OF_EVENTS.get(_name(one))
        if _name(one).startswith(_SEQUENCE_CONTEXT):
            name = CONTEXT + _name(one).removeprefix(_SEQUENCE_CONTEXT)
        _add(dataset, one, name)
    for one in _features(kept.get(("entities", USERS_SPLIT))):
        is_feature = _name(one).startswith(USER) and _name(one) not in _OTHER_OF_USERS
        _add(dataset, one, _name(one) if is_feature else None)
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])


def _features(content: bytes | None) -> Iterable[Any]:
    if content is None:
        return ()
    return list(statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets[0].features)


def _add(dataset: Any, feature: Any, name: str | None) -> None:
    if name is not None and _values(feature):
        added = dataset.features.add()
        added.CopyFrom(feature)
        added.path.step[:] = [name]
        dataset.num_examples = max(dataset.num_examples, _common(feature).num_non_missing)


def numbers_among(statistics: Any) -> frozenset[str]:
    """The features that hold numbers."""
    return frozenset(
        _name(one) for one in statistics.datasets[0].features if one.type in (_FEATURE.INT, _FEATURE.FLOAT)
    )


def schema_of(now: Any, trained: Any, before: Any, *, skew_above: float, drift_above: float) -> schema_pb2.Schema:
    """A schema with a threshold for every feature that can be compared."""
    schema = schema_pb2.Schema()
    in_training, in_before = _by_name(trained), _by_name(before)
    for name, one in _by_name(now).items():
        is_text = one.type == _FEATURE.STRING
        feature = schema.feature.add(name=name, type=schema_pb2.BYTES if is_text else schema_pb2.FLOAT)
        for comparator, others, threshold in (
            (feature.skew_comparator, in_training, skew_above),
            (feature.drift_comparator, in_before, drift_above),
        ):
            if name in others and (others[name].type == _FEATURE.STRING) == is_text:
                which = comparator.infinity_norm if is_text else comparator.jensen_shannon_divergence
                which.threshold = threshold
    return schema


def compared(now: Any, trained: Any, before: Any, schema: schema_pb2.Schema, least: int) -> list[Distance]:
    """All distances for which the schema has a threshold, skew before drift, by feature.

    Args:
      now: Statistics of the days.
      trained: Of the data of training.
      before: Of the days before.
      schema: With the thresholds.
      least: Values on either side below which nothing is above.
    """
    schema = _only(schema, _by_name(now))
    anomalies = tfdv.validate_statistics(now, schema, previous_statistics=before, serving_statistics=trained)
    found = []
    for info in anomalies.drift_skew_info:
        name = ".".join(info.path.step)
        for kind, measured, other in (
            (SKEW, info.skew_measurements, trained),
            (DRIFT, info.drift_measurements, before),
        ):
            values = (_values(_by_name(now)[name]), _values(_by_name(other).get(name)))
            found += [
                Distance(
                    kind=kind,
                    feature=name,
                    measure=MEASURES[one.type],
                    distance=one.value,
                    threshold=one.threshold,
                    values=values,
                    enough=min(values) >= least,
                )
                for one in measured
            ]
    return sorted(found, key=lambda one: (one.kind == DRIFT, one.feature))


def _only(schema: schema_pb2.Schema, known: Mapping[str, Any]) -> schema_pb2.Schema:
    """The schema without features of which there is nothing: TFDV would call each of them an anomaly."""
    kept = schema_pb2.Schema()
    kept.feature.extend(one for one in schema.feature if one.name in known)
    return kept


def _by_name(statistics: Any) -> dict[str, Any]:
    return {_name(one): one for one in statistics.datasets[0].features if _values(one)}


def _name(feature: Any) -> str:
    return ".".join(feature.path.step) or str(feature.name)


def _common(feature: Any) -> Any:
    return getattr(feature, feature.WhichOneof("stats")).common_stats


def _values(feature: Any) -> int:
    return 0 if feature is None or feature.WhichOneof("stats") is None else int(_common(feature).tot_num_values)
