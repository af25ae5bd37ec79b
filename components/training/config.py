"""What both trainers share: how they spread their work, and what is trained in the end."""

from __future__ import annotations

from typing import Annotated

from components.settings import Natural, one_of, settings

AUTO, TRAIN, TRAIN_EVAL, ALL = FINAL_FITS = ("auto", "none", "train_eval", "all")
"""What goes live has learned from: the training rows, train + eval, or every row."""

NONE, MIRRORED, MULTI_WORKER = STRATEGIES = ("none", "mirrored", "multi_worker")


@settings("training")
class TrainingConfig:
    """What both trainers share.

    Attributes:
      strategy: How the work is spread (tf.distribute): `none`, `mirrored` (every GPU of one machine) or
        `multi_worker` (a process on each of several machines, which TF_CONFIG names). A batch is divided among
        the replicas, so results are the same within noise; only the in-batch softmax sees fewer negatives per row.
      warm_start: Whether both models start from the weights of the served version (as they were judged before it was
        pushed) and are trained for at most `warm_epochs`; if nothing is served yet, they start from scratch.
      warm_epochs: Maximum epochs of such a training; 0: nothing is trained, and only the data given to the models is
        new (`recommender refresh`).
      final_fit: What is retrained once the eval rows have chosen the number of epochs: `none`: nothing; `train_eval`:
        the models that are judged and pushed, on train + eval; `all`: the models that are pushed, after the judgement,
        on every row, test rows included; `auto`: train_eval for presplit data, so that others can score the answers,
        else all.
    """

    strategy: Annotated[str, one_of(*STRATEGIES)] = NONE
    final_fit: Annotated[str, one_of(*FINAL_FITS)] = AUTO
    warm_start: bool = False
    warm_epochs: Natural = 5
