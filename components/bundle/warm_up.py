"""Warm-up requests: what TF Serving, and our own server, ask a freshly loaded version before anybody else does.

A file of at most 1,000 PredictionLogs in assets.extra (tensorflow.org/tfx/serving/saved_model_warmup).
Here: every served signature, for one row and for a batch, for known users, a stranger, and every way
through the graph (a stored history, one in the request, a filter, features of the user, nothing known).
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


def write_warm_up(
    folder: str,
    users: Iterable[bytes],
    items: Iterable[bytes],
    filters: Iterable[bytes],
    user_features: Iterable[bytes] = (),
) -> None:
    """Writes the requests into the extra assets of the bundle in `folder`.

    Args:
      folder: The bundle.
      users: Ids of some known users; may be empty.
      items: Ids of some items, at least one.
      filters: Some filters; may be empty.
      user_features: Some features of a user; may be empty.
    """
    extra = f"{folder}/{contract.EXTRA_ASSETS}"
    tf.io.gfile.makedirs(extra)
    with tf.io.TFRecordWriter(f"{extra}/{contract.WARM_UP_FILE}") as file:
        for signature, inputs in _requests(list(users), list(items), list(filters), list(user_features)):
            file.write(_record(signature, inputs).SerializeToString())


def _requests(
    users: list[bytes], items: list[bytes], filters: list[bytes], told: list[bytes]
) -> Iterator[tuple[str, Inputs]]:
    one, many = (users or [STRANGER])[:1], _repeated([*users, STRANGER], BATCH)
    for rows in (one, [STRANGER], many):
        some = _repeated(items, len(rows))
        for signature in (contract.SERVING_DEFAULT, contract.RETRIEVE, contract.HISTORY):
            yield signature, {contract.USER_ID: (rows, tf.string)}
        yield contract.RANK, {contract.USER_ID: (rows, tf.string), contract.ITEM_ID: (some, tf.string)}
        yield contract.SIMILAR, {contract.ITEM_ID: (some, tf.string)}
        full = _full(rows, history=items[:3])
        history = {name: full[name] for name in (contract.HISTORY_ITEM_IDS, contract.HISTORY_RATINGS)}
        yield contract.EXPLAIN, {contract.USER_ID: (rows, tf.string), **history, contract.ITEM_ID: (some, tf.string)}
        yield contract.RECOMMEND, _full(rows)
        yield contract.RECOMMEND, _full(rows, history=items[:3], exclude=items[3:4])
        yield contract.RECOMMEND, _full(rows, filters=filters[:1])
        yield contract.RECOMMEND, _full(rows, allow=items[:4], told=told)


def _full(
    rows: list[bytes],
    history: Sequence[bytes] = (),
    exclude: Sequence[bytes] = (),
    allow: Sequence[bytes] = (),
    filters: Sequence[bytes] = (),
    told: Sequence[bytes] = (),
) -> Inputs:
    return {
        contract.USER_ID: (rows, tf.string),
        contract.HISTORY_ITEM_IDS: ([list(history)] * len(rows), tf.string),
        contract.HISTORY_RATINGS: ([[4.0] * len(history)] * len(rows), tf.float32),
        contract.EXCLUDE_ITEM_IDS: ([list(exclude)] * len(rows), tf.string),
        contract.ALLOW_ITEM_IDS: ([list(allow)] * len(rows), tf.string),
        contract.FILTERS: ([list(filters)] * len(rows), tf.string),
        contract.USER_FEATURES: ([list(told)] * len(rows), tf.string),
        contract.CONTEXT: ([list(told)] * len(rows), tf.string),
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
