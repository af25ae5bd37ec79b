"""The conditions of the blessing as settings: what is compared with what, by which rule, with which bound."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from components.evaluation.metric_kinds import LISTS, METRICS, RATINGS
from components.evaluation.metric_names import MEANS, PEER, POPULARITY, SERVED
from components.settings import Number, OrNone, require, settings

BETTER, NOT_WORSE, NOTHING = RULES = ("better", "not_worse", "none")
AGAINST = {LISTS: (POPULARITY, PEER, SERVED), RATINGS: (MEANS, SERVED)}


@settings("evaluation.gates")
class GateConfig:
    """One condition. What is left empty of a gate that every evaluation has (STANDARD) stays what it is there.

    Attributes:
      metric: `recall` and `ndcg` at evaluation.k, or at a length of their own (`ndcg_at_10`); `mrr`, `rmse`, `mae`.
      against: `popularity`, `peer` or `served` for lists, `means` (user + item means) or `served` for ratings.
      rule: `better`: the whole 95 % interval must lie on the better side of the bound; `not_worse`: refused where it
        lies wholly on the worse side of 0 and the bundle is worse by more than the bound, or than a tenth of the
        other's figure where that is less; `none`: no gate.
      bound: better: of the difference, against the means of the ratio; not_worse: how much worse it may be in any case.
    """

    metric: str = ""
    against: str = ""
    rule: str = ""
    bound: OrNone[Number] = None


STANDARD = {
    "recall_lift": GateConfig(metric="recall", against=POPULARITY, rule=BETTER, bound=0.0),
    "recall_peer": GateConfig(metric="recall", against=PEER, rule=NOT_WORSE, bound=0.01),
    "recall_change": GateConfig(metric="recall", against=SERVED, rule=NOT_WORSE, bound=0.01),
    "rmse_ratio": GateConfig(metric="rmse", against=MEANS, rule=BETTER, bound=1.0),
    "rmse_change": GateConfig(metric="rmse", against=SERVED, rule=NOT_WORSE, bound=0.01),
}
"""Gates of every evaluation, by name."""


def complete(gates: Mapping[str, GateConfig]) -> dict[str, GateConfig]:
    """STANDARD with what is set laid over it, and further gates; those of lists first, none whose rule is `none`.

    Raises:
      InputError: A gate asks for what cannot be compared.
    """
    whole = {**STANDARD, **{name: _over(STANDARD.get(name), gate) for name, gate in gates.items()}}
    for name, gate in whole.items():
        _check(f"evaluation.gates.{name}", gate)
    wanted = {name: gate for name, gate in whole.items() if gate.rule != NOTHING}
    return {name: wanted[name] for name in sorted(wanted, key=lambda name: kind_of(wanted[name]) != LISTS)}


def kind_of(gate: GateConfig) -> str:
    """LISTS or RATINGS."""
    return METRICS[gate.metric.partition("_at_")[0]].of


def _over(standard: GateConfig | None, gate: GateConfig) -> GateConfig:
    if standard is None:
        return gate
    given = {name: value for name, value in dataclasses.asdict(gate).items() if value not in ("", None)}
    return dataclasses.replace(standard, **given)


def _check(where: str, gate: GateConfig) -> None:
    require(gate.rule in RULES, f"{where}.rule", "one of " + ", ".join(RULES), gate.rule)
    if gate.rule == NOTHING:
        return
    base, at, cut_off = gate.metric.partition("_at_")
    metric = METRICS.get(base)
    judged = [one.name for one in METRICS.values() if one.of in AGAINST]
    is_known = metric is not None and metric.of in AGAINST
    require(is_known, f"{where}.metric", "one of " + ", ".join(judged), gate.metric)
    assert metric is not None
    require(metric.higher_is_better is not None, f"{where}.metric", "a metric with a better direction", gate.metric)
    is_length = not at or (metric.has_cut_off and cut_off.isdecimal() and int(cut_off) > 0)
    require(is_length, f"{where}.metric", f"{base}, or a length as in recall_at_10", gate.metric)
    against = AGAINST[metric.of]
    require(gate.against in against, f"{where}.against", f"one of {', '.join(against)} for {metric.of}", gate.against)
    is_ratio = gate.against == MEANS
    require(not is_ratio or gate.rule == BETTER, f"{where}.rule", "better, against the means", gate.rule)
    expected = "0 or more" if gate.rule == NOT_WORSE else "above 0" if is_ratio else "from -1 to below 1, or in stars"
    bound = gate.bound
    is_bound = bound is not None and (bound > 0 if is_ratio else bound >= 0 if gate.rule == NOT_WORSE else True)
    is_bound = is_bound and not (metric.of == LISTS and gate.rule == BETTER and (bound or 0) >= 1)
    require(is_bound, f"{where}.bound", expected, bound)
