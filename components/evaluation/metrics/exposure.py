"""What the lists show of the catalogue as a whole: coverage, Gini coefficient and novelty."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from components.baselines.popularity_file import read_popularity
from components.evaluation import metric_names as names
from components.evaluation.metrics.gini import gini
from components.evaluation.metrics.novelty import novelty
from components.evaluation.metrics.rows import JudgedRow, ModelRoles, ids
from components.evaluation.metrics.user_sums import Figures, computation, keyed
from components.features import PEER_ITEM_IDS, POPULAR_ITEM_IDS
from serving.contract import ITEM_IDS

Items = tuple[list[bytes], ...]
"""The first k items of each list of a row."""

Shown = tuple[Counter[bytes], ...]
"""To how many users each item was shown; one counter a list."""


class Exposure(tfma.metrics.Metric):  # type: ignore[misc]
    """Which items of the catalogue are among the first k of the users' lists, and how often.

    - `coverage_at_k = |∪_u first k of list(u)| / catalogue_size`, from 0 to 1.
    - `gini_at_k`: how unevenly the catalogue is shown (gini.py).
    - `novelty_at_k`: how little known the items shown are, in bits (novelty.py).

    For the whole data only: in a slice only the slice's users recommend, so the first two change with their number
    and say little. Order and ties play no part. The users are those with held-out items; without any the
    values are NaN. Seen items are not in the lists and count in the denominator.

    Figures: of the judged lists, `baseline_…` of popularity, `peer_…`, and of the served bundle under the
    name of TFMA's baseline model.

    Args:
      cut_off: k.
      catalogue_size: Items in the catalogue; 0 while it is not known, which gives NaN.
      popularity: File with the training rows of each item (peers.popularity_file); "" gives no novelty.
      name: Unused in the results, whose names are those above.
    """

    def __init__(
        self, cut_off: int, catalogue_size: int = 0, popularity: str = "", name: str = "exposure_figures"
    ) -> None:
        super().__init__(
            _computations, name=name, cut_off=cut_off, catalogue_size=catalogue_size, popularity=popularity
        )


class _Exposures(beam.CombineFn):  # type: ignore[misc]
    def __init__(self, lists: int, figures: _Figures) -> None:
        self._lists = lists
        self._figures = figures

    def create_accumulator(self) -> Shown:
        return tuple(Counter() for _ in range(self._lists))

    def add_input(self, accumulator: Shown, items: Items) -> Shown:
        for shown, first in zip(accumulator, items, strict=True):
            shown.update(first)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Shown]) -> Shown:
        merged = self.create_accumulator()
        for one in accumulators:
            for shown, more in zip(merged, one, strict=True):
                shown.update(more)
        return merged

    def extract_output(self, accumulator: Shown) -> Figures:
        return self._figures(accumulator)


@dataclasses.dataclass(frozen=True)
class _FirstItems:
    cut_off: int
    models: ModelRoles

    def __call__(self, extracts: Any) -> Items | None:
        row = JudgedRow(extracts, self.models)
        if not ids(row.label(ITEM_IDS)):
            return None
        lists = [row.judged(ITEM_IDS), row.feature(POPULAR_ITEM_IDS), row.feature(PEER_ITEM_IDS)]
        lists += [row.served(ITEM_IDS)] if self.models.served is not None else []
        return tuple(ids(one)[: self.cut_off] for one in lists)


@dataclasses.dataclass(frozen=True)
class _Figures:
    cut_off: int
    catalogue_size: int
    popularity: str
    models: ModelRoles
    output: str

    def __call__(self, shown: Shown) -> Figures:
        rows = read_popularity(self.popularity) if any(shown) else {}
        each = [self._of_list(one, any(shown), rows) for one in shown]
        figures: dict[str, float] = {}
        for name in each[0]:
            others = {names.baseline(name): each[1][name], names.of_list(names.PEER, name): each[2][name]}
            figures |= {name: each[0][name], **others}
        made = keyed(figures, self.models.judged, self.output)
        if self.models.served is not None:
            made.update(keyed(each[3], self.models.served, self.output))
        return made

    def _of_list(self, shown: Counter[bytes], asked: bool, rows: Any) -> dict[str, float]:
        known = asked and self.catalogue_size
        return {
            names.coverage_at(self.cut_off): len(shown) / self.catalogue_size if known else np.nan,
            names.gini_at(self.cut_off): gini(shown.values(), self.catalogue_size),
            names.novelty_at(self.cut_off): novelty(shown, rows, self.catalogue_size),
        }


def _computations(
    name: str,
    cut_off: int,
    catalogue_size: int,
    popularity: str,
    model_names: list[str] | None = None,
    output_names: list[str] | None = None,
) -> list[Any]:
    del name
    models = ModelRoles.of(model_names or [""])
    figures = _Figures(cut_off, catalogue_size, popularity, models, (output_names or [""])[0])
    combiner = _Exposures(3 + int(models.served is not None), figures)
    return computation(figures(combiner.create_accumulator()), _FirstItems(cut_off, models), combiner)
