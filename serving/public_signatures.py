"""Dtypes and ranks of the public signatures of serving/contract.py, for who asks without the model at hand.

The client needs not ask the server for them, and the description of the REST API is written from them.
`evaluate` is the Evaluator's and not for the public.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from serving import contract

STRING = "DT_STRING"
FLOAT = "DT_FLOAT"
INT32 = "DT_INT32"


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One input or output.

    Attributes:
      dtype: TensorFlow's name.
      rank: 1 = one value a row, 2 = a list a row.
    """

    dtype: str
    rank: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublicSignature:
    """Inputs and outputs by name; the first dimension of each is the batch.

    Attributes:
      question: What it answers, in a few words.
    """

    question: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


_ONE_TEXT = Tensor(STRING, 1)
_TEXTS = Tensor(STRING, 2)
_NUMBERS = Tensor(FLOAT, 2)
_ONE_COUNT = Tensor(INT32, 1)

_ANSWER = {
    contract.ITEM_IDS: _TEXTS,
    contract.TITLES: _TEXTS,
    contract.SCORES: _NUMBERS,
    contract.PREDICTED_RATINGS: _NUMBERS,
    contract.COUNT: _ONE_COUNT,
    contract.SOURCE: _ONE_TEXT,
}

_ITEMS = {
    contract.ITEM_IDS: _TEXTS,
    contract.TITLES: _TEXTS,
    contract.SCORES: _NUMBERS,
    contract.COUNT: _ONE_COUNT,
}

EXPLAIN = contract.EXPLAIN
OPTIONAL_SIGNATURES: Mapping[str, PublicSignature] = {
    EXPLAIN: PublicSignature(
        question="Which items of this history speak for this item?",
        inputs={
            contract.USER_ID: _ONE_TEXT,
            contract.HISTORY_ITEM_IDS: _TEXTS,
            contract.HISTORY_RATINGS: _NUMBERS,
            contract.ITEM_ID: _ONE_TEXT,
        },
        outputs={**_ITEMS, contract.SHARES: _NUMBERS},
    ),
}
"""Signatures of bundles that can answer them: clients look into the metadata first."""

SIGNATURES: Mapping[str, PublicSignature] = {
    contract.SERVING_DEFAULT: PublicSignature(
        question="Which items for this user?", inputs={contract.USER_ID: _ONE_TEXT}, outputs=_ANSWER
    ),
    contract.RECOMMEND: PublicSignature(
        question="Which items for this user or history, without or among these, with these filters, how many?",
        inputs={
            contract.USER_ID: _ONE_TEXT,
            contract.HISTORY_ITEM_IDS: _TEXTS,
            contract.HISTORY_RATINGS: _NUMBERS,
            contract.EXCLUDE_ITEM_IDS: _TEXTS,
            contract.ALLOW_ITEM_IDS: _TEXTS,
            contract.FILTERS: _TEXTS,
            contract.USER_FEATURES: _TEXTS,
            contract.CONTEXT: _TEXTS,
            contract.N: _ONE_COUNT,
        },
        outputs=_ANSWER,
    ),
    contract.RETRIEVE: PublicSignature(
        question="Which candidates has the first stage for this user?",
        inputs={contract.USER_ID: _ONE_TEXT},
        outputs={contract.ITEM_IDS: _TEXTS, contract.SCORES: _NUMBERS, contract.COUNT: _ONE_COUNT},
    ),
    contract.RANK: PublicSignature(
        question="How many stars would this user give to this item?",
        inputs={contract.USER_ID: _ONE_TEXT, contract.ITEM_ID: _ONE_TEXT},
        outputs={contract.PREDICTED_RATING: Tensor(FLOAT, 1)},
    ),
    contract.SIMILAR: PublicSignature(
        question="Which items are like this one?", inputs={contract.ITEM_ID: _ONE_TEXT}, outputs=_ITEMS
    ),
    contract.HISTORY: PublicSignature(
        question="What is known of this user, newest first?",
        inputs={contract.USER_ID: _ONE_TEXT},
        outputs={
            contract.ITEM_IDS: _TEXTS,
            contract.TITLES: _TEXTS,
            contract.RATINGS: _NUMBERS,
            contract.COUNT: _ONE_COUNT,
        },
    ),
}
