"""What stands beside the models, another loss, transitions and repeats, with the weights that are best on eval."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

from components import progress
from components.retrieval.config import RetrievalConfig
from components.retrieval.judging import METRIC, evaluate, evaluate_repeats, evaluate_sums, spread
from components.retrieval.model import TwoTowerModel
from components.retrieval.repeats import Repeats
from components.retrieval.training_data import TrainingData, is_ordered
from components.retrieval.transition_vectors import TransitionVectors, factors

Member: TypeAlias = TwoTowerModel | TransitionVectors
"""One of those whose scores are added."""

WEIGHTS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Candidates, in standard deviations of the scores of what is added where those of the models together count 1."""

HALF_LIVES = (5.0, 20.0, 80.0)
"""Candidates of repeats, in rows."""


def with_softmax(
    config: RetrievalConfig, data: TrainingData, models: Sequence[TwoTowerModel], others: Sequence[TwoTowerModel]
) -> tuple[list[Member], RetrievalConfig]:
    """The models, and beside them those that another loss has trained where they make the lists better.

    Args:
      config: Of the models; `softmax_weight` says how much the others count, none: what is best on eval.
      data: What the models were trained on.
      models: The trained models.
      others: Those by the softmax, if any.

    Returns:
      What is exported, and the configuration with the weight that was taken.
    """
    weight = _weigh("the softmax", others, models, config.softmax_weight, config, data) if others else 0.0
    return [*models, *(others if weight else ())], dataclasses.replace(config, softmax_weight=weight)


def with_transitions(
    config: RetrievalConfig, data: TrainingData, models: Sequence[Member]
) -> tuple[list[Member], RetrievalConfig]:
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
    counted = TransitionVectors(vectors, *data.ids)
    weight = _weigh("counted transitions", [counted], models, config.transitions_weight, config, data)
    return ([*models, counted], dataclasses.replace(config, transitions_weight=weight)) if weight else off


def _weigh(
    name: str,
    others: Sequence[Member],
    models: Sequence[Member],
    given: float | None,
    config: RetrievalConfig,
    data: TrainingData,
) -> float:
    """Scales the scores of others and returns their weight: the given one, or what is best on eval; 0: no gain."""
    unscaled = spread(others, config, data)
    unit = spread(models, config, data) / unscaled if unscaled else 0.0

    def scale(weight: float) -> None:
        for other in others:
            other.candidate_tower.scale = weight * unit

    if given is not None:
        scale(given)
        return given
    if data.marked is None or not len(data.marked):
        return 0.0
    scales = [0.0, *(weight * unit for weight in WEIGHTS)]
    alone, *with_others = evaluate_sums(models, others, config, data, scales)
    found = dict(zip(WEIGHTS, with_others, strict=True))
    best = max(found, key=lambda weight: found[weight])
    if not found[best] > alone:
        progress.conclude("no gain from %s: %s %.4f on eval", name, METRIC, alone)
        return 0.0
    conclusion = "with %s (weight %g) %s %.4f on eval, without %.4f"
    progress.conclude(conclusion, name, best, METRIC, found[best], alone)
    scale(best)
    return best


def with_repeats(
    config: RetrievalConfig, data: TrainingData, vectors: Sequence[Member]
) -> tuple[Repeats | None, RetrievalConfig]:
    """How much it counts that a user had an item before, where lists may hold it again.

    Args:
      config: `repeats_weight` and `repeats_half_life`, none: what is best on eval.
      data: What the models were trained on.
      vectors: The models, and what stands beside them.

    Returns:
      What raises scores, None where nothing does, and the configuration with what was taken.
    """
    off = None, dataclasses.replace(config, repeats_weight=0.0)
    if not data.repeats or config.repeats_weight == 0:
        return off
    unit = spread(vectors, config, data)
    half_lives = HALF_LIVES if is_ordered(config, data.sequences) else (0.0,)
    if config.repeats_half_life is not None:
        half_lives = (config.repeats_half_life,)
    weights = WEIGHTS if config.repeats_weight is None else (config.repeats_weight,)
    options = [(weight, half_life) for half_life in half_lives for weight in weights]

    def taken(weight: float, half_life: float) -> tuple[Repeats, RetrievalConfig]:
        chosen = dataclasses.replace(config, repeats_weight=weight, repeats_half_life=half_life)
        return Repeats(weight=weight * unit, half_life=half_life), chosen

    if len(options) == 1:
        return taken(*options[0])
    if data.marked is None or not len(data.marked):
        return off
    alone = evaluate(vectors, config, data)
    found = evaluate_repeats(vectors, config, data, [taken(*option)[0] for option in options])
    best = max(range(len(options)), key=lambda number: found[number])
    if not found[best] > alone:
        progress.conclude("that users had an item before adds nothing to %s %.4f on eval", METRIC, alone)
        return off
    weight, half_life = options[best]
    progress.conclude(
        "with repeats (weight %g, half-life %g rows) %s %.4f on eval, without %.4f",
        *(weight, half_life, METRIC, found[best], alone),
    )
    return taken(weight, half_life)
