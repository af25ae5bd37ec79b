"""Chooses and builds the index: measured against exact search, the cheapest setting that is good enough."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components import progress
from components.best_columns import LOWEST
from components.examples import Floats, Ints
from components.index.config import IndexConfig
from components.index.scann_index import ScannIndex, ScannSetting, leaves_for, settings_for
from components.index.search import NOTHING, ExactIndex

QUERIES_PER_BATCH = 256
TIMED_PASSES = 3
SHORT_LIST = 20  # lists shorter than the measured one reorder less: their recall must be as good
SMALLEST_SCANN = 100  # below, ScaNN crashes or answers garbage


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexReport:
    """What was built and how good it is; written as `index.json`.

    Attributes:
      kind: `exact` or `scann`.
      size: Number of candidates.
      dimensions: Width of a vector.
      k: List length at which recall was measured.
      recall: Share of the exact k best that the index finds, averaged over the queries (1 for exact).
      short_recall: The same for the 20 best.
      queries: Number of queries.
      leaves: ScaNN's leaves, 0 for exact.
      leaves_to_search: Leaves that a query looks into.
      reorder: Candidates scored exactly.
      exact_microseconds: Time of a query by exact search on this machine, asked in batches; 0 where nothing was asked.
      curve: Every setting that was tried: leaves_to_search, reorder, recall, short_recall, microseconds (likewise).
    """

    kind: str
    size: int
    dimensions: int
    k: int
    recall: float
    queries: int
    short_recall: float = 1.0
    leaves: int = 0
    leaves_to_search: int = 0
    reorder: int = 0
    exact_microseconds: float = 0.0
    curve: list[dict[str, float]] = dataclasses.field(default_factory=list)


class RecallTooLowError(RuntimeError):
    """No setting of the index reaches the configured recall."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chosen:
    """What was chosen for the same catalogue's earlier vectors.

    Attributes:
      setting: The cheapest that was good enough then; None: the index was exact.
    """

    setting: ScannSetting | None

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Chosen:
        """What an `index.json`, or the part of it in a `bundle.json`, says."""
        names = [field.name for field in dataclasses.fields(ScannSetting)]
        return cls(
            setting=None if report["kind"] == "exact" else ScannSetting(**{name: report[name] for name in names})
        )


def build(
    config: IndexConfig, candidates: Floats, queries: Floats, earlier: Chosen | None = None
) -> tuple[Any, IndexReport]:
    """Builds the index over `candidates` and measures it on `queries`.

    Args:
      config: Kind, and the recall to reach.
      candidates: float32 `[N, D]`, the whole catalogue.
      queries: float32 `[Q, D]`, embedded users.
      earlier: Where the search for a setting begins, in place of the cheapest; nothing cheaper is tried.

    Raises:
      RecallTooLowError: ScaNN is asked for and misses the recall even where it searches every leaf.
    """
    exact = ExactIndex(candidates)
    k = min(config.k, len(candidates))
    size: dict[str, Any] = {"size": len(candidates), "dimensions": candidates.shape[1], "k": k, "queries": len(queries)}
    exact_report = IndexReport(kind="exact", recall=1.0, **size)
    was_exact = config.kind == "auto" and earlier is not None and earlier.setting is None
    if was_exact or not wants_scann(config, len(candidates)) or not len(queries):
        return exact, exact_report
    microseconds = _microseconds(exact.search, queries, k)
    leaves = leaves_for(len(candidates))
    settings = settings_for(len(candidates), leaves)
    if earlier is not None and earlier.setting in settings:
        settings = settings[settings.index(earlier.setting) :]
    index = ScannIndex(candidates, leaves, settings[0])
    curve = _curve(index, settings, exact, queries, k, config.min_recall)
    index.setting, (recall, short) = settings[len(curve) - 1], (curve[-1][name] for name in ("recall", "short_recall"))
    progress.report("ScaNN %d leaves, searching %d: recall@%d %.3f", leaves, index.setting.leaves_to_search, k, recall)
    shown = [{name: round(value, 4) for name, value in tried.items()} for tried in curve]
    if min(recall, short) >= config.min_recall:
        return index, IndexReport(
            kind="scann",
            recall=round(recall, 6),
            short_recall=round(short, 6),
            leaves=leaves,
            leaves_to_search=index.setting.leaves_to_search,
            reorder=index.setting.reorder,
            exact_microseconds=microseconds,
            curve=shown,
            **size,
        )
    if config.kind == "auto":
        message = "ScaNN finds %.3f of the exact top %d where %.3f is asked for: the index is exact instead"
        progress.warn(message, min(recall, short), k, config.min_recall)
        return exact, dataclasses.replace(exact_report, exact_microseconds=microseconds, curve=shown)
    raise RecallTooLowError(
        f"ScaNN finds {recall:.3f} of the exact top {k} and {short:.3f} of the top {min(k, SHORT_LIST)}, "
        f"index.min_recall asks for {config.min_recall}; "
        "choose --set index.kind=exact, or lower index.min_recall"
    )


def _curve(
    index: ScannIndex, settings: Sequence[ScannSetting], exact: ExactIndex, queries: Floats, k: int, enough: float
) -> list[dict[str, float]]:
    """What each setting finds and how long it takes, the cheapest first, up to the first that is good enough."""
    lengths = (k, min(k, SHORT_LIST))
    truth = [_search(exact.search, queries, length) for length in lengths]
    curve = []
    for setting in settings:
        search = _with_setting(index, setting)
        recall, short = (
            _recall(best, _search(search, queries, length)) for best, length in zip(truth, lengths, strict=True)
        )
        found = {"recall": recall, "short_recall": short, "microseconds": _microseconds(search, queries, k)}
        curve.append({**dataclasses.asdict(setting), **found})
        if min(recall, short) >= enough:
            break
    return curve


def wants_scann(config: IndexConfig, items: int) -> bool:
    """Whether a catalogue of this size gets a ScaNN index."""
    if items < SMALLEST_SCANN:
        return False
    return config.kind == "scann" or (config.kind == "auto" and items >= config.scann_from)


def _with_setting(index: ScannIndex, setting: ScannSetting) -> Any:
    return lambda queries, k: index.search(queries, k, setting)


def _search(search: Any, queries: Floats, k: int) -> Ints:
    """Rows int32 `[Q, k]`, -1 where nothing more was found."""
    parts = []
    for start in range(0, len(queries), QUERIES_PER_BATCH):
        rows, scores = search(tf.constant(queries[start : start + QUERIES_PER_BATCH]), tf.constant(k))
        parts.append(np.where(scores.numpy() > LOWEST, rows.numpy(), NOTHING))
    return np.concatenate(parts)


def _microseconds(search: Any, queries: Floats, k: int) -> float:
    """Wall-clock time of one query among `QUERIES_PER_BATCH`, in the quickest of some passes over all of them."""
    seconds = []
    for _ in range(TIMED_PASSES):
        start = time.perf_counter()
        _search(search, queries, k)
        seconds.append(time.perf_counter() - start)
    return round(1e6 * min(seconds) / len(queries), 2)


def _recall(truth: Ints, found: Ints) -> float:
    """Mean share of `truth[i]` that occurs in `found[i]`; -1 in `found` is nothing."""
    shares = [np.isin(best, got[got >= 0]).mean() for best, got in zip(truth, found, strict=True)]
    return float(np.mean(shares))
