"""Warm-up requests: what TF Serving, and our own server, ask a freshly loaded version before anybody else does.

A file of at most 1,000 PredictionLogs in assets.extra (tensorflow.org/tfx/serving/saved_model_warmup).
Here: every served signature, for one row and for a batch, for known users, a stranger, and every way
through the graph (a stored history, one in the request, a genre, nothing known).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving import contract

BATCH = 32
STRANGER = b""

Inputs = dict[str, tuple[list[Any], Any]]


def write_warm_up(folder: str, users: Iterable[bytes], movies: Iterable[bytes], genres: Iterable[bytes]) -> None:
    """Writes the requests into the extra assets of the bundle in `folder`.

    Args:
      folder: The bundle.
      users: Ids of some known users; may be empty.
      movies: Ids of some movies, at least one.
      genres: Names of some genres; may be empty.
    """
    extra = f"{folder}/{contract.EXTRA_ASSETS}"
    tf.io.gfile.makedirs(extra)
    with tf.io.TFRecordWriter(f"{extra}/{contract.WARM_UP_FILE}") as file:
        for signature, inputs in _requests(list(users), list(movies), list(genres)):
            file.write(_record(signature, inputs).SerializeToString())


def _requests(users: list[bytes], movies: list[bytes], genres: list[bytes]) -> Iterator[tuple[str, Inputs]]:
    one, many = (users or [STRANGER])[:1], _repeated([*users, STRANGER], BATCH)
    for rows in (one, [STRANGER], many):
        some = _repeated(movies, len(rows))
        for signature in (contract.SERVING_DEFAULT, contract.RETRIEVE, contract.HISTORY):
            yield signature, {contract.USER_ID: (rows, tf.string)}
        yield contract.RANK, {contract.USER_ID: (rows, tf.string), contract.MOVIE_ID: (some, tf.string)}
        yield contract.SIMILAR, {contract.MOVIE_ID: (some, tf.string)}
        full = _full(rows, history=movies[:3])
        history = {name: full[name] for name in (contract.HISTORY_MOVIE_IDS, contract.HISTORY_RATINGS)}
        yield contract.EXPLAIN, {contract.USER_ID: (rows, tf.string), **history, contract.MOVIE_ID: (some, tf.string)}
        yield contract.RECOMMEND, _full(rows)
        yield contract.RECOMMEND, _full(rows, history=movies[:3], exclude=movies[3:4])
        yield contract.RECOMMEND, _full(rows, genres=genres[:1])


def _full(
    rows: list[bytes], history: Sequence[bytes] = (), exclude: Sequence[bytes] = (), genres: Sequence[bytes] = ()
) -> Inputs:
    return {
        contract.USER_ID: (rows, tf.string),
        contract.HISTORY_MOVIE_IDS: ([list(history)] * len(rows), tf.string),
        contract.HISTORY_RATINGS: ([[4.0] * len(history)] * len(rows), tf.float32),
        contract.EXCLUDE_MOVIE_IDS: ([list(exclude)] * len(rows), tf.string),
        contract.GENRES: ([list(genres)] * len(rows), tf.string),
        contract.N: ([0] * len(rows), tf.int32),
    }


def _repeated(values: list[bytes], length: int) -> list[bytes]:
    return [values[position % len(values)] for position in range(length)]


def _record(signature: str, inputs: Mapping[str, tuple[list[Any], Any]]) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = contract.MODEL_NAME
    request.model_spec.signature_name = signature
    for name, (values, dtype) in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values, dtype))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
