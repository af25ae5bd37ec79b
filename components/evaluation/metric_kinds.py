"""What each metric is of, which direction is better, and how people write it: a metric is one row of METRICS."""

from __future__ import annotations

import dataclasses

LISTS, RATINGS, EXPOSURE = "lists", "ratings", "exposure"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric; `metrics/` has its formula.

    Attributes:
      name: In the results, before `_at_` where it has a length of lists.
      label: As people write it.
      of: LISTS (a figure for each list), RATINGS (of the predicted ratings) or EXPOSURE (of all lists together, without
        an interval).
      higher_is_better: None where neither is: it tells what kind of lists these are.
      has_cut_off: Whether it is of the beginning of a list.
    """

    name: str
    label: str
    of: str
    higher_is_better: bool | None = True
    has_cut_off: bool = False


METRICS = {
    metric.name: metric
    for metric in (
        Metric(name="recall", label="recall", of=LISTS, has_cut_off=True),
        Metric(name="ndcg", label="NDCG", of=LISTS, has_cut_off=True),
        Metric(name="mrr", label="MRR", of=LISTS),
        Metric(name="rmse", label="RMSE", of=RATINGS, higher_is_better=False),
        Metric(name="mae", label="MAE", of=RATINGS, higher_is_better=False),
        Metric(name="coverage", label="coverage", of=EXPOSURE, has_cut_off=True),
        Metric(name="gini", label="gini", of=EXPOSURE, higher_is_better=None, has_cut_off=True),
        Metric(name="novelty", label="novelty", of=EXPOSURE, higher_is_better=None, has_cut_off=True),
    )
}


def metric_of(name: str) -> Metric | None:
    """The metric of a name in the results, such as `recall_at_100`; None for a count, a difference and so on."""
    return METRICS.get(name.partition("_at_")[0])


def label_of(name: str) -> str:
    """`recall_at_100` as people write it: recall@100."""
    metric = metric_of(name)
    if metric is None:
        return name.replace("_at_", "@").replace("_", " ")
    _, _, cut_off = name.partition("_at_")
    return f"{metric.label}@{cut_off}" if cut_off else metric.label
