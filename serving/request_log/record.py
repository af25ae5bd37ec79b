"""One record of the log: TensorFlow Serving's PredictionLog, with the request's id behind it.

PredictionLog has no field for the id that joins an answer with what people do next, so it is a field of our own number
in the same message: who reads the record as a PredictionLog (warm-up, TFDV's and others' tools) skips it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving import contract
from serving.errors import InvalidRequestError
from serving.events.messages import class_of
from serving.rpc.answers import varint
from serving.rpc.tensors import fill_proto, from_proto

REQUEST_ID_FIELD = 1001
HASH_CHARACTERS = 32
_REQUEST, _RESPONSE = b"\x0a", b"\x12"  # PredictLog.request = 1, response = 2
_PREDICT_LOG = b"\x32"  # PredictionLog.predict_log = 6

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Logged:
    """A request and its answer.

    Attributes:
      request_id: `X-Request-ID` of the answer.
      time: When it was answered, in seconds since 1970.
      model: The model that was asked.
      version: Its version.
      label: The label by which it was asked; "" = by none.
      signature: What was asked.
      inputs: Arrays by input, as they were asked: events of the people are not among them.
      outputs: Arrays by output.
    """

    request_id: str
    time: int
    model: str
    version: int
    label: str
    signature: str
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]


def write(
    logged: Logged, dtypes: Mapping[str, int], answer: bytes, sampling_rate: float, tags: tuple[str, ...]
) -> bytes:
    """A record.

    Args:
      logged: The request; its outputs are not looked at.
      dtypes: TensorFlow's type of each input.
      answer: A serialized PredictResponse.
      sampling_rate: Share of the requests that are logged.
      tags: Of the graph that answered.
    """
    log = prediction_log_pb2.PredictionLog()
    metadata, request = log.log_metadata, predict_pb2.PredictRequest()
    for spec in (metadata.model_spec, request.model_spec):
        spec.name, spec.signature_name = logged.model, logged.signature
    metadata.model_spec.version.value = logged.version
    if logged.label:
        request.model_spec.version_label = logged.label
    metadata.sampling_config.sampling_rate = sampling_rate
    metadata.saved_model_tags.extend(tags)
    metadata.timestamp_secs = logged.time
    for alias, array in logged.inputs.items():
        fill_proto(request.inputs[alias], array, dtypes[alias])
    # The answer is there in bytes: what holds it is written around it, and not parsed and written again.
    predict = _field(_REQUEST, bytes(request.SerializeToString())) + _field(_RESPONSE, answer)
    behind = bytes(_RequestId(request_id=logged.request_id).SerializeToString())
    return bytes(log.SerializeToString()) + _field(_PREDICT_LOG, predict) + behind


def _field(tag: bytes, content: bytes) -> bytes:
    """A field of a message that is a message itself."""
    return tag + varint(len(content)) + content


def read(record: bytes) -> Logged | None:
    """A record as it was written; None where it is of another kind of request.

    Raises:
      InvalidRequestError: It is no PredictionLog.
    """
    log = prediction_log_pb2.PredictionLog()
    behind = _RequestId()
    try:
        log.ParseFromString(record)
        behind.ParseFromString(record)
    except Exception:  # protobuf's DecodeError, which has moved between its versions
        raise InvalidRequestError("it is no tensorflow.serving.PredictionLog") from None
    if log.WhichOneof("log_type") != "predict_log":
        return None
    request, answered = log.predict_log.request, log.log_metadata.model_spec
    return Logged(
        request_id=behind.request_id,
        time=log.log_metadata.timestamp_secs,
        model=answered.name,
        version=answered.version.value,
        label=request.model_spec.version_label,
        signature=answered.signature_name,
        inputs={alias: from_proto(proto, alias) for alias, proto in request.inputs.items()},
        outputs={alias: from_proto(proto, alias) for alias, proto in log.predict_log.response.outputs.items()},
    )


def hashed(user: bytes, key: bytes) -> bytes:
    """A person's id that tells nobody without the key who it is: the first half of HMAC-SHA256, in hexadecimal.

    "" stays "": nobody.
    """
    if not user:
        return user
    return hmac.new(key, user, hashlib.sha256).hexdigest()[:HASH_CHARACTERS].encode()


def with_hashed_people(inputs: Mapping[str, Array], key: bytes) -> dict[str, Array]:
    """The inputs, with hashed ids of people."""
    users = inputs.get(contract.USER_ID)
    if users is None or users.dtype != object:
        return dict(inputs)
    told = np.empty(users.shape, object)
    told.ravel()[:] = [hashed(user, key) for user in users.ravel().tolist()]
    return {**inputs, contract.USER_ID: told}


def _described() -> Any:
    proto = descriptor_pb2.FileDescriptorProto(
        name="serving/request_log/record.proto", package="tfx_recommenders", syntax="proto3"
    )
    proto.message_type.add(name="RequestId").field.add(
        name="request_id", number=REQUEST_ID_FIELD, label=1, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return class_of(pool.FindFileByName(proto.name).message_types_by_name["RequestId"])


_RequestId = _described()
