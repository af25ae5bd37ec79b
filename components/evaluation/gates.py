"""The verdicts of the gates, each as a sentence that a person can read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow_model_analysis as tfma

from components.evaluation import metric_names as names
from components.evaluation.comparisons import Comparison
from components.evaluation.measured import number, read_measured
from components.evaluation.metric_kinds import label_of
from components.evaluation.metrics.verdict import tolerated
from components.evaluation.results import EvaluationResult, Gate

_OTHERS = {
    names.POPULARITY: "popularity",
    names.PEER: "the peer",
    names.MEANS: "user + item means",
    names.SERVED: "the served version",
}


def judge(
    evaluation_uri: str,
    comparisons: Sequence[Comparison],
    uncompared: Sequence[Comparison],
    list_length: int | None,
    served_version: str | None,
    peer: str = _OTHERS[names.PEER],
    only_rating: float | None = None,
) -> EvaluationResult:
    """Joins TFMA's numbers and verdicts.

    Args:
      evaluation_uri: Where TFMA wrote them.
      comparisons: The gates.
      uncompared: Those for which nothing is served.
      list_length: Length of the judged lists.
      served_version: The version compared with; None where nothing was served.
      peer: Name of the peer whose lists the test rows carry.
      only_rating: The rating of every training row, where there is but one, and ratings are not judged for it.
    """
    validation = tfma.load_validation_result(evaluation_uri)
    failed = {failure.metric_key.name for one in validation.metric_validations_per_slice for failure in one.failures}
    measured = read_measured(evaluation_uri)
    figures, served = measured.model.get((), {}), measured.served.get((), {})
    gates = [
        _Verdict(comparison, figures, served, comparison.checked not in failed, served_version, peer).gate()
        for comparison in comparisons
    ]
    gates += map(_nothing_served, uncompared)
    if only_rating is not None:
        gates.append(_one_rating(only_rating))
    return EvaluationResult(
        blessed=bool(validation.validation_ok),
        list_length=list_length,
        served_version=served_version,
        peer=peer,
        overall=measured.overall(),
        slices=measured.slices(),
        gates=gates,
    )


@dataclasses.dataclass(frozen=True)
class _Verdict:
    """One comparison with what was measured.

    Attributes:
      comparison: What is compared.
      figures: Of the judged bundle, on all rows.
      served: Of the served bundle, on all rows.
      passed: Whether TFMA let it pass.
      version: The served version.
      peer: Name of the peer.
    """

    comparison: Comparison
    figures: Mapping[str, float]
    served: Mapping[str, float]
    passed: bool
    version: str | None
    peer: str

    def gate(self) -> Gate:
        figure = self.comparison.figure
        return Gate(
            name=self.comparison.gate,
            metric=figure,
            baseline=self._other(),
            passed=self.passed,
            value=self._number(figure),
            lower=self._number(names.lower(figure)),
            upper=self._number(names.upper(figure)),
            threshold=self._threshold(),
            reason=self._reason(),
            baseline_version=self.version if self.comparison.other == names.SERVED else None,
        )

    def _other(self) -> str:
        other = self.peer if self.comparison.other == names.PEER else _OTHERS[self.comparison.other]
        return f"{other} {self.version}" if self.comparison.other == names.SERVED else other

    def _threshold(self) -> float:
        """The bound in the terms of the figure: a tolerated drop is negative."""
        if self.comparison.must_win:
            return self.comparison.bound
        return -self._tolerance() if self.comparison.higher_is_better else self._tolerance()

    def _tolerance(self) -> float:
        theirs = self._number_of_theirs()
        return self.comparison.bound if theirs is None else tolerated(self.comparison.bound, theirs)

    def _number_of_theirs(self) -> float | None:
        try:
            return number(self._theirs())
        except KeyError:
            return None

    def _number(self, name: str) -> float | None:
        return number(self.figures.get(name))

    def _reason(self) -> str:
        label = label_of(self.comparison.score)
        figure = self.comparison.figure
        value, lower, upper = (self._number(name) for name in (figure, names.lower(figure), names.upper(figure)))
        if value is None or lower is None or upper is None:
            return self._unmeasured(label)
        mine, theirs = self.figures[self.comparison.score], self._theirs()
        if self.comparison.is_ratio:
            compared, interval = f"ratio {value:.4f}", f"({lower:.4f} to {upper:.4f})"
        else:
            compared, interval = f"{value:+.4f}", f"({lower:+.4f} to {upper:+.4f})"
        return (
            f"{label} {mine:.4f} against {theirs:.4f} of {self._other()}: {compared} {interval}; {self._because(value)}"
        )

    def _because(self, value: float) -> str:
        bound = f"{self.comparison.bound if self.comparison.must_win else self._tolerance():.3g}"
        if self.comparison.must_win:
            side = "above" if self.comparison.higher_is_better else "below"
            return f"the interval {'lies' if self.passed else 'does not lie'} {side} {bound}"
        if not self.passed:
            return f"worse by more than noise, and by more than {bound}"
        worse = -value if self.comparison.higher_is_better else value
        if worse <= 0:
            return "not worse"
        return f"worse by no more than {bound}" if worse <= self._tolerance() else "within noise"

    def _theirs(self) -> float:
        score, other = self.comparison.score, self.comparison.other
        if other == names.SERVED:
            return self.served[score]
        return self.figures[names.baseline(score) if other == names.MEANS else names.of_list(other, score)]

    def _unmeasured(self, label: str) -> str:
        if self.comparison.other == names.SERVED:
            return f"{label} could not be compared with {self._other()}: one of the two is not a number"
        why = "no test row has held-out items"
        if not self.comparison.higher_is_better:
            why = "no test row has a rating, or a predicted rating is not a number"
        return f"{label} could not be measured: {why}"


def _nothing_served(comparison: Comparison) -> Gate:
    """A gate against a served bundle, where there is none: passed."""
    return Gate(
        name=comparison.gate,
        metric=comparison.figure,
        baseline=_OTHERS[names.SERVED],
        passed=True,
        reason=f"nothing is served yet: {label_of(comparison.score)} not compared",
    )


def _one_rating(rating: float) -> Gate:
    """The gate of the predicted ratings, where every training rating is the same: passed."""
    return Gate(
        name="rmse_ratio",
        metric=names.ratio(names.RMSE),
        baseline=_OTHERS[names.MEANS],
        passed=True,
        reason=f"RMSE not judged: every training rating is {rating:g}, so there are no differences to predict",
    )
