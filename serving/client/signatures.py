"""Dtypes and outputs of the signatures of serving/contract.py, so that a client need not ask for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from serving import contract

STRING = "DT_STRING"
FLOAT = "DT_FLOAT"
INT32 = "DT_INT32"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """Dtypes of the inputs and names of the outputs."""

    inputs: Mapping[str, str]
    outputs: tuple[str, ...]


_ANSWER = (
    contract.MOVIE_IDS,
    contract.TITLES,
    contract.SCORES,
    contract.PREDICTED_RATINGS,
    contract.COUNT,
    contract.SOURCE,
)

SIGNATURES: Mapping[str, Signature] = {
    contract.SERVING_DEFAULT: Signature(inputs={contract.USER_ID: STRING}, outputs=_ANSWER),
    contract.RECOMMEND: Signature(
        inputs={
            contract.USER_ID: STRING,
            contract.HISTORY_MOVIE_IDS: STRING,
            contract.HISTORY_RATINGS: FLOAT,
            contract.EXCLUDE_MOVIE_IDS: STRING,
            contract.GENRES: STRING,
            contract.N: INT32,
        },
        outputs=_ANSWER,
    ),
    contract.RETRIEVE: Signature(
        inputs={contract.USER_ID: STRING}, outputs=(contract.MOVIE_IDS, contract.SCORES, contract.COUNT)
    ),
    contract.RANK: Signature(
        inputs={contract.USER_ID: STRING, contract.MOVIE_ID: STRING}, outputs=(contract.PREDICTED_RATING,)
    ),
    contract.SIMILAR: Signature(
        inputs={contract.MOVIE_ID: STRING},
        outputs=(contract.MOVIE_IDS, contract.TITLES, contract.SCORES, contract.COUNT),
    ),
    contract.HISTORY: Signature(
        inputs={contract.USER_ID: STRING},
        outputs=(contract.MOVIE_IDS, contract.TITLES, contract.RATINGS, contract.COUNT),
    ),
}
