"""Every figure of the judged lists in one pass: recall, NDCG, reciprocal rank, beside other lists', with intervals."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluation import metric_names as names
from components.evaluation.metric_kinds import Score, list_scores, metric_of, register
from components.evaluation.metrics.bootstrap import Bootstrap, Interval
from components.evaluation.metrics.rows import JudgedRow, ModelRoles, ids
from components.evaluation.metrics.user_sums import Figures, Matrix, UserNumbers, UserSums, computation, keyed
from components.evaluation.metrics.verdict import headroom, tolerated
from components.features import PEER_ITEM_IDS, POPULAR_ITEM_IDS
from serving.contract import ITEM_IDS


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListSettings:
    """What is measured of a list.

    Attributes:
      cut_offs: List lengths of recall and NDCG.
      tolerances: How much worse the list may be than another in any case, by name of the difference.
      samples: Draws of the bootstrap.
      seed: Seed of the draws.
      metrics: Of somebody's own, as `package.module:NAME`.
    """

    cut_offs: tuple[int, ...]
    tolerances: Mapping[str, float]
    samples: int
    seed: int
    metrics: tuple[str, ...] = ()

    @functools.cached_property
    def scores(self) -> dict[str, Score]:
        """The scores of one list by name; made where they are needed: a worker knows none of somebody's own yet."""
        return list_scores(self.cut_offs, register(self.metrics))


class ListFigures(tfma.metrics.Metric):  # type: ignore[misc]
    """Means over users of every score of the judged list and of other lists, and the paired differences.

    A score of the data is the mean of the users' scores (recall.py, ndcg.py, reciprocal_rank.py):
    users weigh the same; users without held-out items are skipped; without any user the value is
    NaN. Seen items are in no list.

    Figures, for each score `s`: `s` of the judged list, with the ends `s_lower` and `s_upper` of its 95 %
    interval (bootstrap.py); `baseline_s` of popularity; `peer_s`;
    `s` of the served bundle's list, under the name of TFMA's baseline model. And for each other list
    `s_minus_popularity`, `…_peer`, `…_served`: mean over users of the judged list's score minus
    the other's, with the ends `…_lower` and `…_upper` of its 95 % interval (bootstrap.py), and
    `…_headroom` (verdict.py) for those with a tolerance.

    Args:
      cut_offs: List lengths.
      tolerances: As in ListSettings.
      samples: Draws of the bootstrap.
      seed: Seed of the draws.
      metrics: As in ListSettings.
      name: Unused in the results, whose names are those above.
    """

    def __init__(
        self,
        cut_offs: Sequence[int],
        tolerances: Mapping[str, float] | None = None,
        samples: int = 1_000,
        seed: int = 42,
        metrics: Sequence[str] = (),
        name: str = "list_figures",
    ) -> None:
        super().__init__(
            _computations,
            name=name,
            cut_offs=list(cut_offs),
            tolerances=dict(tolerances or {}),
            samples=samples,
            seed=seed,
            metrics=list(metrics),
        )


@dataclasses.dataclass(frozen=True)
class _Lists:
    """A marked row's numbers: 1, then every score of every list."""

    settings: ListSettings
    models: ModelRoles

    def others(self) -> list[str]:
        """The lists beside the judged one."""
        served = [names.SERVED] if self.models.served is not None else []
        return [names.POPULARITY, names.PEER, *served]

    def __call__(self, extracts: Any) -> UserNumbers | None:
        row = JudgedRow(extracts, self.models)
        held_out = frozenset(ids(row.label(ITEM_IDS)))
        if not held_out:
            return None
        scores = [score(items, held_out) for items in self._read(row) for score in self.settings.scores.values()]
        return UserNumbers.of(row.user(), [1.0, *scores])

    def _read(self, row: JudgedRow) -> Iterable[list[bytes]]:
        yield ids(row.judged(ITEM_IDS))
        yield ids(row.feature(POPULAR_ITEM_IDS))
        yield ids(row.feature(PEER_ITEM_IDS))
        if self.models.served is not None:
            yield ids(row.served(ITEM_IDS))


@dataclasses.dataclass(frozen=True)
class _Figures:
    """Makes the figures of the users' sums."""

    settings: ListSettings
    models: ModelRoles
    others: tuple[str, ...]
    output: str

    def columns(self) -> int:
        return 1 + (1 + len(self.others)) * len(self.settings.scores)

    def __call__(self, sums: Matrix) -> Figures:
        scores = list(self.settings.scores)
        users = sums[:, 0].sum()
        with np.errstate(invalid="ignore"):
            means = (sums[:, 1:].sum(axis=0) / users).reshape(-1, len(scores))
        bootstrap = Bootstrap(sums, self.settings.samples, self.settings.seed)
        figures = {names.USERS: float(users), **_named(scores, means[0])}
        for column, score in enumerate(scores, 1):
            figures.update(names.ends(score, self._mean(bootstrap, column)))
        of_served: dict[str, float] = {}
        for position, other in enumerate(self.others, 1):
            if other == names.SERVED:
                of_served = _named(scores, means[position])
            else:
                figures.update(_named([names.of_list(other, score) for score in scores], means[position]))
            for column, score in enumerate(scores):
                interval = self._difference(bootstrap, 1 + column, 1 + position * len(scores) + column)
                difference = names.minus(score, other)
                figures.update(names.with_interval(difference, interval))
                figures.update(self._headroom(score, difference, interval, float(means[position][column])))
        made = keyed(figures, self.models.judged, self.output)
        if self.models.served is not None:
            made.update(keyed(of_served, self.models.served, self.output))
        return made

    def _mean(self, bootstrap: Bootstrap, column: int) -> Interval:
        return bootstrap.interval(lambda sums: sums[:, column] / sums[:, 0])

    def _difference(self, bootstrap: Bootstrap, mine: int, other: int) -> Interval:
        return bootstrap.interval(lambda sums: (sums[:, mine] - sums[:, other]) / sums[:, 0])

    def _headroom(self, score: str, difference: str, interval: Interval, other: float) -> dict[str, float]:
        if difference not in self.settings.tolerances:
            return {}
        tolerance = tolerated(self.settings.tolerances[difference], other)
        metric = metric_of(score)
        higher_is_better = metric is not None and bool(metric.higher_is_better)
        return {names.headroom(difference): float(headroom(interval, tolerance, higher_is_better))}


def _named(scores: Sequence[str], values: Any) -> dict[str, float]:
    return dict(zip(scores, map(float, values), strict=True))


def _computations(
    name: str,
    cut_offs: list[int],
    tolerances: dict[str, float],
    samples: int,
    seed: int,
    metrics: list[str],
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
) -> list[Any]:
    del name
    settings = ListSettings(
        cut_offs=tuple(cut_offs),
        tolerances=tolerances,
        samples=samples,
        seed=seed,
        metrics=tuple(metrics),
    )
    models = ModelRoles.of(model_names or [""])
    rows = _Lists(settings, models)
    figures = _Figures(settings, models, tuple(rows.others()), (output_names or [""])[0])
    keys = figures(np.zeros((0, figures.columns())))
    return computation(keys, rows, UserSums(figures.columns(), figures))
