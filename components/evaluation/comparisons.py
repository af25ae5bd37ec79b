"""What a bundle is compared with to be blessed: one comparison, one gate."""

from __future__ import annotations

import dataclasses

from components.baselines.judged_length import judged_length
from components.evaluation import metric_names as names
from components.evaluation.bundle_facts import BundleFacts
from components.evaluation.config import EvaluationConfig
from components.evaluation.gate_config import BETTER, GateConfig, complete, kind_of
from components.evaluation.metric_kinds import LISTS, RATINGS, metric_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """One gate.

    Attributes:
      gate: Its name in the results.
      other: What the bundle is compared with: metric_names' POPULARITY, PEER, MEANS or SERVED.
      score: The metric of each side.
      figure: The difference or ratio of the two, which has an interval.
      must_win: Whether the bundle must be clearly better, or only not clearly worse.
      bound: Where the bundle must win, what the whole interval must be on the better side of; else the tolerance: how
        much worse the bundle may be in any case.
    """

    gate: str
    other: str
    score: str
    figure: str
    must_win: bool
    bound: float

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher value of the metric is the better one."""
        metric = metric_of(self.score)
        return metric is not None and bool(metric.higher_is_better)

    @property
    def is_ratio(self) -> bool:
        """Whether the figure is a ratio and no difference."""
        return self.other == names.MEANS

    @property
    def checked(self) -> str:
        """The figure that TFMA checks: the near end of the interval, or the headroom."""
        if not self.must_win:
            return names.headroom(self.figure)
        return names.lower(self.figure) if self.higher_is_better else names.upper(self.figure)


def list_comparisons(config: EvaluationConfig, model: BundleFacts, served: BundleFacts | None) -> list[Comparison]:
    """The gates of the lists.

    Args:
      config: The settings.
      model: Facts of the judged bundle, whose list may be shorter than `config.k`.
      served: Facts of the served bundle, whose list may be shorter still; None where nothing is served.
    """
    length = list_length(config, model)
    found = []
    for name, gate in complete(config.gates).items():
        if kind_of(gate) != LISTS or (gate.against == names.SERVED and served is None):
            continue
        shorter = length
        if gate.against == names.SERVED and served is not None:
            shorter = min(length, served.list_length or length)
        found.append(_comparison(name, gate, _score(gate, shorter)))
    return found


def rating_comparisons(config: EvaluationConfig, served: BundleFacts | None) -> list[Comparison]:
    """The gates of the predicted ratings; a served bundle with no or only one rating is not compared with."""
    is_served = served is not None and served.has_ratings and served.only_rating is None
    return [
        _comparison(name, gate, gate.metric)
        for name, gate in complete(config.gates).items()
        if kind_of(gate) == RATINGS and (gate.against != names.SERVED or is_served)
    ]


def list_length(config: EvaluationConfig, model: BundleFacts) -> int:
    """Length of the list that is judged."""
    return min(config.k, model.list_length or config.k)


def is_cut_short(config: EvaluationConfig, model: BundleFacts) -> bool:
    """Whether the bundle was made for shorter lists than `config` asks for: a run may ask for other ones."""
    if model.list_length is None or model.live_items is None:
        return False
    return model.list_length < judged_length(config.k, model.live_items)


def _score(gate: GateConfig, length: int) -> str:
    """The metric at the length that is asked for, or at that of the list where it is shorter or none is."""
    base, _, cut_off = gate.metric.partition("_at_")
    metric = metric_of(base)
    assert metric is not None
    return f"{base}_at_{min(int(cut_off or length), length)}" if metric.has_cut_off else base


def _comparison(name: str, gate: GateConfig, score: str) -> Comparison:
    assert gate.bound is not None
    figure = names.ratio(score) if gate.against == names.MEANS else names.minus(score, gate.against)
    return Comparison(
        gate=name, other=gate.against, score=score, figure=figure, must_win=gate.rule == BETTER, bound=gate.bound
    )
