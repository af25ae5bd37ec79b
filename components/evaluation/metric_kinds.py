"""What each metric is of, which direction is better, and how people write it: a metric is one row of METRICS.

A further metric of lists needs no line here: `evaluation.metrics` names a Metric in any module that can be imported
where the run is, as `package.module:NAME`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence

from components.by_path import find, imported
from components.evaluation.metric_names import AT
from components.settings import require

LISTS, RATINGS, EXPOSURE = "lists", "ratings", "exposure"
_FORMULAS = "components.evaluation.metrics"

Score = Callable[[Sequence[bytes], frozenset[bytes]], float]
"""Makes a user's score of the list and the held-out items."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric; `metrics/` has the formulas of the project's own.

    Attributes:
      name: In the results, before `_at_` where it has a length of lists; letters, digits and underscores.
      label: As people write it.
      of: LISTS (a figure for each list), RATINGS (of the predicted ratings) or EXPOSURE (of all lists together, without
        an interval).
      higher_is_better: None where neither is: it tells what kind of lists these are.
      has_cut_off: Whether it is of the beginning of a list.
      formula: Of LISTS: a function, as `package.module:function`, of the items of a list, best first, and of the
        frozenset of held-out items (bytes both), and where it has a cut-off of that; it returns a user's score.
    """

    name: str
    label: str
    of: str
    higher_is_better: bool | None = True
    has_cut_off: bool = False
    formula: str = ""


METRICS = {
    metric.name: metric
    for metric in (
        Metric(name="recall", label="recall", of=LISTS, has_cut_off=True, formula=f"{_FORMULAS}.recall:recall"),
        Metric(name="ndcg", label="NDCG", of=LISTS, has_cut_off=True, formula=f"{_FORMULAS}.ndcg:ndcg"),
        Metric(name="mrr", label="MRR", of=LISTS, formula=f"{_FORMULAS}.reciprocal_rank:reciprocal_rank"),
        Metric(name="rmse", label="RMSE", of=RATINGS, higher_is_better=False),
        Metric(name="mae", label="MAE", of=RATINGS, higher_is_better=False),
        Metric(name="coverage", label="coverage", of=EXPOSURE, has_cut_off=True),
        Metric(name="gini", label="gini", of=EXPOSURE, higher_is_better=None, has_cut_off=True),
        Metric(name="novelty", label="novelty", of=EXPOSURE, higher_is_better=None, has_cut_off=True),
    )
}


LIST_METRICS = tuple(metric for metric in METRICS.values() if metric.of == LISTS)
"""The project's own metrics of lists."""


def register(paths: Iterable[str]) -> list[Metric]:
    """Makes metrics of somebody's own known to this process, by name, label and direction.

    Raises:
      InputError: A path names no Metric, or one that is not of lists or has a name that cannot be used.
    """
    own = [find("evaluation.metrics", path, Metric) for path in paths]
    for metric in own:
        known = METRICS.get(metric.name, metric)
        require(known == metric, "evaluation.metrics", "a name that no other metric has", metric.name)
        require(metric.of == LISTS, "evaluation.metrics", "metrics of lists", metric.of)
        require(metric.name.isidentifier() and AT not in metric.name, "evaluation.metrics", "a plain name", metric.name)
    METRICS.update({metric.name: metric for metric in own})
    return own


def list_scores(cut_offs: Iterable[int], own: Iterable[Metric] = ()) -> dict[str, Score]:
    """Every score of one list by its name in the results, in one order: of LIST_METRICS and of somebody's own."""
    metrics = [*LIST_METRICS, *own]
    found: dict[str, Score] = {}
    for cut_off in cut_offs:
        for metric in metrics:
            if metric.has_cut_off:
                found[f"{metric.name}{AT}{cut_off}"] = functools.partial(_at, imported(metric.formula), cut_off)
    return found | {metric.name: imported(metric.formula) for metric in metrics if not metric.has_cut_off}


def _at(formula: Callable[..., float], cut_off: int, items: Sequence[bytes], held_out: frozenset[bytes]) -> float:
    return formula(items, held_out, cut_off)


def metric_of(name: str) -> Metric | None:
    """The metric of a name in the results, such as `recall_at_100`; None for a count, a difference and so on."""
    return METRICS.get(name.partition(AT)[0])


def label_of(name: str) -> str:
    """`recall_at_100` as people write it: recall@100."""
    metric = metric_of(name)
    if metric is None:
        return name.replace("_at_", "@").replace("_", " ")
    _, _, cut_off = name.partition("_at_")
    return f"{metric.label}@{cut_off}" if cut_off else metric.label
