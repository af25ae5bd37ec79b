"""How well a linear classifier tells an item's genres from its vector: one question a genre, cross-validated."""

from __future__ import annotations

import dataclasses
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.examples import Floats

SCORES = {"auc": "roc_auc", "average_precision": "average_precision", "f1": "f1"}
MOST_STEPS = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenreScores:
    """What the classifier of one genre comes to, each figure the mean over the folds.

    Attributes:
      auc: Area under the ROC curve: how often an item of the genre is ranked above one without; chance is .5.
      average_precision: Area under the curve of precision and recall; chance is the genre's share of the items.
      f1: 2 · hits / (2 · hits + misses + false alarms) of the answers yes and no; 0 without a hit.
    """

    auc: float
    average_precision: float
    f1: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenreBaselines:
    """What is reached without looking at a vector, with the share `p` of items that have the genre.

    Attributes:
      majority_f1: F1 of the more frequent answer for every item: `2p / (1 + p)` from `p` = 1/2 on, below it 0.
      always_f1: F1 of yes for every item, `2p / (1 + p)`: the best that an answer without looking can have.
      chance: `p`, the average precision of a random order.
    """

    majority_f1: float
    always_f1: float
    chance: float


def frequent_genres(genres: Sequence[Sequence[str]], least: int) -> tuple[list[str], dict[str, int]]:
    """Genres that can be learned, and the others with the number of their items.

    A genre can be learned where at least `least` items have it and at least as many have it not.

    Args:
      genres: Those of each item.
      least: See above.

    Returns:
      Names, those with the most items first (equal ones by name), and the others in the same order.
    """
    counts = Counter(genre for one in genres for genre in set(one))
    names = sorted(counts, key=lambda name: (-counts[name], name))
    kept = [name for name in names if least <= counts[name] <= len(genres) - least]
    return kept, {name: counts[name] for name in names if name not in kept}


def classify(
    vectors: Floats, has_genre: npt.NDArray[np.bool_], *, folds: int, regularization: float, seed: int
) -> GenreScores:
    """Trains and tests a logistic regression for one genre.

    Vectors are standardised by what the training part shows. Both answers weigh the same in training,
    however rare the genre is; else the classifier of a rare genre would always say no.

    Args:
      vectors: float32 `[M, d]`, `d` at least 1.
      has_genre: bool `[M]`, at least `folds` of either value.
      folds: Parts, shuffled, with the genre's share of items in each (stratified).
      regularization: Inverse strength of the L2 penalty.
      seed: Of the shuffling.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_validate
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=regularization, class_weight="balanced", max_iter=MOST_STEPS)
    )
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near the optimum is near enough for a figure
        found: dict[str, Any] = cross_validate(
            model, vectors.astype(np.float64), has_genre, cv=parts, scoring=list(SCORES.values()), error_score="raise"
        )
    return GenreScores(**{name: float(np.mean(found[f"test_{scorer}"])) for name, scorer in SCORES.items()})


def baselines(share: float) -> GenreBaselines:
    """The baselines of a genre that this share of the items has."""
    always = 2 * share / (1 + share)
    return GenreBaselines(majority_f1=always if share >= 0.5 else 0.0, always_f1=always, chance=share)
