"""How much counted transitions count beside the trained models: by the eval split."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from components import progress
from components.retrieval.config import RetrievalConfig
from components.retrieval.fitting import TrainingData, is_ordered
from components.retrieval.judging import METRIC, evaluate, spread
from components.retrieval.model import TwoTowerModel
from components.retrieval.transition_vectors import TransitionVectors, factors

WEIGHTS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Candidates, in standard deviations of the transitions' scores where those of the models together count 1."""


def with_transitions(
    config: RetrievalConfig, data: TrainingData, models: Sequence[TwoTowerModel]
) -> tuple[list[TwoTowerModel | TransitionVectors], RetrievalConfig]:
    """The models, and beside them transitions where these make the lists better.

    Args:
      config: Of the models; `transitions_weight` says how much transitions count, none: what is best on eval.
      data: What the models were trained on.
      models: The trained models.

    Returns:
      What is exported, and the configuration with the weight that was taken.
    """
    off = [*models], dataclasses.replace(config, transitions_weight=0.0)
    if not config.transitions_dim or config.transitions_weight == 0 or not is_ordered(config, data.sequences):
        return off
    vectors = None if data.ids is None else factors(data.sequences, len(data.counts), config.transitions_dim)
    if vectors is None or data.ids is None:
        return off
    content, items = data.ids
    unscaled = spread([TransitionVectors(vectors, content, items)], config, data)
    unit = spread(models, config, data) / unscaled if unscaled else 0.0

    def weighed(weight: float) -> TransitionVectors:
        return TransitionVectors(vectors, content, items, weight * unit)

    if config.transitions_weight is not None:
        return [*models, weighed(config.transitions_weight)], config
    if data.marked is None or not len(data.marked):
        return off
    alone = evaluate(models, config, data)
    found = {weight: evaluate([*models, weighed(weight)], config, data) for weight in WEIGHTS}
    best = max(found, key=lambda weight: found[weight])
    if not found[best] > alone:
        progress.report("counted transitions add nothing to %s %.4f on eval", METRIC, alone)
        return off
    progress.report(
        "with counted transitions (weight %g) %s %.4f on eval, without %.4f", best, METRIC, found[best], alone
    )
    return [*models, weighed(best)], dataclasses.replace(config, transitions_weight=best)
