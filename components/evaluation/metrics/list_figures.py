"""Every figure of the judged lists in one pass: recall, NDCG, reciprocal rank, beside other lists', with intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluation import metric_names as names
from components.evaluation.metrics.bootstrap import Bootstrap, Interval
from components.evaluation.metrics.ndcg import ndcg
from components.evaluation.metrics.recall import recall
from components.evaluation.metrics.reciprocal_rank import reciprocal_rank
from components.evaluation.metrics.rows import Models, Row, ids
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
    """

    cut_offs: tuple[int, ...]
    tolerances: Mapping[str, float]
    samples: int
    seed: int

    def scores(self) -> list[str]:
        """Names of the scores of one list."""
        by_cut_off = [name for k in self.cut_offs for name in (names.recall_at(k), names.ndcg_at(k))]
        return [*by_cut_off, names.MRR]


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
      name: Unused in the results, whose names are those above.
    """

    def __init__(
        self,
        cut_offs: Sequence[int],
        tolerances: Mapping[str, float] | None = None,
        samples: int = 1_000,
        seed: int = 42,
        name: str = "list_figures",
    ) -> None:
        super().__init__(
            _computations,
            name=name,
            cut_offs=list(cut_offs),
            tolerances=dict(tolerances or {}),
            samples=samples,
            seed=seed,
        )


@dataclasses.dataclass(frozen=True)
class _Lists:
    """A marked row's numbers: 1, then every score of every list."""

    settings: ListSettings
    models: Models

    def others(self) -> list[str]:
        """The lists beside the judged one."""
        served = [names.SERVED] if self.models.served is not None else []
        return [names.POPULARITY, names.PEER, *served]

    def __call__(self, extracts: Any) -> UserNumbers | None:
        row = Row(extracts, self.models)
        held_out = frozenset(ids(row.label(ITEM_IDS)))
        if not held_out:
            return None
        scores = [score for items in self._read(row) for score in self._scores(items, held_out)]
        return UserNumbers.of(row.user(), [1.0, *scores])

    def _read(self, row: Row) -> Iterable[list[bytes]]:
        yield ids(row.judged(ITEM_IDS))
        yield ids(row.feature(POPULAR_ITEM_IDS))
        yield ids(row.feature(PEER_ITEM_IDS))
        if self.models.served is not None:
            yield ids(row.served(ITEM_IDS))

    def _scores(self, items: list[bytes], held_out: frozenset[bytes]) -> Iterable[float]:
        for cut_off in self.settings.cut_offs:
            yield recall(items, held_out, cut_off)
            yield ndcg(items, held_out, cut_off)
        yield reciprocal_rank(items, held_out)


@dataclasses.dataclass(frozen=True)
class _Figures:
    """Makes the figures of the users' sums."""

    settings: ListSettings
    models: Models
    others: tuple[str, ...]
    output: str

    def columns(self) -> int:
        return 1 + (1 + len(self.others)) * len(self.settings.scores())

    def __call__(self, sums: Matrix) -> Figures:
        scores = self.settings.scores()
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
                figures.update(self._headroom(difference, interval, float(means[position][column])))
        made = keyed(figures, self.models.judged, self.output)
        if self.models.served is not None:
            made.update(keyed(of_served, self.models.served, self.output))
        return made

    def _mean(self, bootstrap: Bootstrap, column: int) -> Interval:
        return bootstrap.interval(lambda sums: sums[:, column] / sums[:, 0])

    def _difference(self, bootstrap: Bootstrap, mine: int, other: int) -> Interval:
        return bootstrap.interval(lambda sums: (sums[:, mine] - sums[:, other]) / sums[:, 0])

    def _headroom(self, difference: str, interval: Interval, other: float) -> dict[str, float]:
        if difference not in self.settings.tolerances:
            return {}
        tolerance = tolerated(self.settings.tolerances[difference], other)
        return {names.headroom(difference): float(headroom(interval, tolerance, higher_is_better=True))}


def _named(scores: Sequence[str], values: Any) -> dict[str, float]:
    return dict(zip(scores, map(float, values), strict=True))


def _computations(
    name: str,
    cut_offs: list[int],
    tolerances: dict[str, float],
    samples: int,
    seed: int,
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
) -> list[Any]:
    del name
    settings = ListSettings(
        cut_offs=tuple(cut_offs),
        tolerances=tolerances,
        samples=samples,
        seed=seed,
    )
    models = Models.of(model_names or [""])
    rows = _Lists(settings, models)
    figures = _Figures(settings, models, tuple(rows.others()), (output_names or [""])[0])
    keys = figures(np.zeros((0, figures.columns())))
    return computation(keys, rows, UserSums(figures.columns(), figures))
