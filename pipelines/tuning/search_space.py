"""What `recommender tune` searches: every setting with its range. Change it here; docs/tuning.md explains it.

A range is widened to hold the preset's own value. A setting that the chosen loss or architecture does not read
(`only`) is left out, and so is `retrieval.l2` where the preset lets it follow from the data (`none`). Epochs, patience
and seeds are not searched: more of them is never worse on the eval split, only dearer. Neither is what changes the
data.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from components.errors import InputError
from components.retrieval.config import FULL_SOFTMAX, IN_BATCH_SOFTMAX, SQUARED_ERROR
from pipelines.tuning.parameters import Choice, Number, SearchedSetting

ORDERED, IMPLICIT, FIXED_L2 = "ordered", "implicit", "fixed_l2"
SOFTMAX = (FULL_SOFTMAX, IN_BATCH_SOFTMAX)

SPACE: tuple[SearchedSetting, ...] = (
    # Two-tower retrieval, judged by NDCG@100.
    Number(name="retrieval.embedding_dim", low=16, high=256, log=True, whole=True),
    Number(name="retrieval.learning_rate", low=1e-3, high=5e-2, log=True),
    Number(name="retrieval.l2", low=1e-6, high=1e-3, log=True, only=(FIXED_L2,)),
    Number(name="retrieval.squared_error_l2", low=1e-3, high=0.5, log=True, only=(SQUARED_ERROR,)),
    Choice(
        name="retrieval.half_lives", values=("0", "1", "0,1", "0,5", "0,1,5", "0,2,10", "0,1,5,25"), only=(ORDERED,)
    ),
    Number(name="retrieval.targets", low=1, high=20, log=True, whole=True, only=SOFTMAX),
    Number(name="retrieval.target_decay", low=0.0, high=2.0, only=SOFTMAX),
    Number(name="retrieval.cuts_per_user", low=1, high=4, whole=True, only=SOFTMAX),
    Number(name="retrieval.cuts_by_length", low=0.0, high=1.0, only=SOFTMAX),
    Number(name="retrieval.min_ratings", low=1, high=20, log=True, whole=True, only=SOFTMAX),
    Number(name="retrieval.item_dropout", low=0.0, high=0.2, only=SOFTMAX),
    Number(name="retrieval.averaging", low=0.9, high=0.995),
    # Ratings, judged by RMSE.
    Number(name="ranking.embedding_dim", low=4, high=64, log=True, whole=True),
    Number(name="ranking.learning_rate", low=1e-3, high=5e-2, log=True),
    Number(name="ranking.l2_ids", low=1.0, high=200.0, log=True),
    Number(name="ranking.l2_biases", low=1.0, high=100.0, log=True),
    Number(name="ranking.l2_history", low=1.0, high=200.0, log=True, only=("l2_history", IMPLICIT)),
    Number(name="ranking.l2_features", low=1.0, high=200.0, log=True, only=("l2_features",)),
    Number(name="ranking.id_dropout", low=0.0, high=0.2),
    Choice(name="ranking.layers", values=("32", "64", "64,32", "128,64", "128,64,32"), only=("layers",)),
    Number(name="ranking.dropout", low=0.0, high=0.6, only=("dropout",)),
)

MODELS = tuple(dict.fromkeys(parameter.section for parameter in SPACE))


def check_names(names: Collection[str], model: str) -> None:
    """Raises an InputError for a name that is not in the model's search space."""
    known = [parameter.name for parameter in SPACE if parameter.section == model]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise InputError(
                f"`{name}` is not among the settings that are searched for {model}",
                expected="names of " + ", ".join(known),
                received=name,
                action=f"did you mean `{near[0]}`?" if near else "leave it out of --parameters, or change --model",
            )


def searched(model: str, traits: Collection[str], names: Sequence[str] = ()) -> tuple[SearchedSetting, ...]:
    """The parameters of a model that are read where `traits` hold.

    Args:
      model: `retrieval` or `ranking`.
      traits: The loss, or what the architecture reads; `ordered` and `implicit` where they hold.
      names: Only these; empty: all.

    Raises:
      InputError: One of the names is unknown, or is not read.
    """
    check_names(names, model)
    read = [p for p in SPACE if p.section == model and (not p.only or set(p.only) & set(traits))]
    unread = [name for name in names if name not in {parameter.name for parameter in read}]
    if unread:
        raise InputError(
            f"this {model} model does not read `{unread[0]}`",
            expected="names of " + ", ".join(parameter.name for parameter in read),
            received=f"{unread[0]} with " + ", ".join(sorted(traits)),
            action="leave it out of --parameters",
        )
    return tuple(parameter for parameter in read if not names or parameter.name in names)
