"""What a bundle is compared with to be blessed: one comparison, one gate."""

from __future__ import annotations

import dataclasses

from components.evaluation import metric_names as names
from components.evaluation.bundle_facts import BundleFacts
from components.evaluation.config import EvaluationConfig
from components.evaluation.judged_length import judged_length


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """One gate.

    Attributes:
      gate: Its name in the results.
      other: What the bundle is compared with: metric_names' POPULARITY, PEER, MEANS or SERVED.
      score: The metric of each side.
      figure: The difference or ratio of the two, which has an interval.
      bound: Where the bundle must clearly win, what the whole interval must be above (a difference)
        or below (a ratio); else the tolerance: how much worse the bundle may be in any case.
    """

    gate: str
    other: str
    score: str
    figure: str
    bound: float

    @property
    def must_win(self) -> bool:
        """Whether the bundle must be clearly better, or only not clearly worse."""
        return self.other in (names.POPULARITY, names.MEANS)

    @property
    def higher_is_better(self) -> bool:
        return self.score != names.RMSE

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
    found = [
        _recall("recall_lift", length, names.POPULARITY, config.min_recall_lift),
        _recall("recall_peer", length, names.PEER, config.max_peer_drop),
    ]
    if served is not None:
        shorter = min(length, served.list_length or length)
        found.append(_recall("recall_change", shorter, names.SERVED, config.max_recall_drop))
    return found


def rating_comparisons(config: EvaluationConfig, served: BundleFacts | None) -> list[Comparison]:
    """The gates of the predicted ratings; a served bundle with no or only one rating is not compared with."""
    found = [
        Comparison(
            gate="rmse_ratio",
            other=names.MEANS,
            score=names.RMSE,
            figure=names.RMSE_RATIO,
            bound=config.max_rmse_ratio,
        )
    ]
    if served is not None and served.has_ratings and served.only_rating is None:
        found.append(
            Comparison(
                gate="rmse_change",
                other=names.SERVED,
                score=names.RMSE,
                figure=names.minus(names.RMSE, names.SERVED),
                bound=config.max_rmse_rise,
            )
        )
    return found


def list_length(config: EvaluationConfig, model: BundleFacts) -> int:
    """Length of the list that is judged."""
    return min(config.k, model.list_length or config.k)


def is_cut_short(config: EvaluationConfig, model: BundleFacts) -> bool:
    """Whether the bundle was made for shorter lists than `config` asks for: a run may ask for other ones."""
    if model.list_length is None or model.live_items is None:
        return False
    return model.list_length < judged_length(config.k, model.live_items)


def _recall(gate: str, cut_off: int, other: str, bound: float) -> Comparison:
    score = names.recall_at(cut_off)
    return Comparison(gate=gate, other=other, score=score, figure=names.minus(score, other), bound=bound)
