"""TensorFlow Serving's gRPC API, spoken by grpcio on the protos of tensorflow-serving-api.

The protos bring TensorFlow with them; so this module is imported only where a `grpc://` address is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import grpc
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.client.answers import ModelMetadata, ModelToServe, SignatureInfo, TensorInfo, VersionStatus
from serving.client.channel import Deadline, Question, Target, as_bytes, as_values
from serving.client.settings import Timeouts, Tls
from serving.errors import AnswerError, InvalidRequestError, Status, StatusError, UnreachableError
from serving.events.actions import ACTIONS, ADD, LIST
from serving.events.messages import EVENT_SERVICE, METHODS, message

NO_CONNECTION = ("failed to connect", "DNS resolution failed", "Name resolution", "Ssl handshake", "SSL_ERROR")
"""How gRPC's own words begin or go on where UNAVAILABLE is not the server's answer."""

PUSHBACK = "grpc-retry-pushback-ms"
"""Trailing metadata: milliseconds before the next try; below 0 = none."""

_NUMBERS = {status.number: status for status in Status}


class GrpcChannel:
    """Asks over one HTTP/2 connection, which threads share.

    Args:
      address: `host:port`.
      target: Which model is asked.
      timeouts: How long to wait.
      token: Bearer token.
      tls: Whom to trust; None = no TLS.
    """

    def __init__(self, address: str, target: Target, timeouts: Timeouts, token: str | None, tls: Tls | None) -> None:
        self._address = address
        self._target = target
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            # gRPC's own pause after a failed connection is a second and grows; the client's retries are to decide.
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.min_reconnect_backoff_ms", int(timeouts.connect_seconds * 1000)),
        ]
        self._channel = (
            grpc.insecure_channel(address, options)
            if tls is None
            else grpc.secure_channel(address, _credentials(tls), options)
        )
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(self, question: Question, deadline: Deadline) -> dict[str, Any]:
        """See `Channel`."""
        request = predict_pb2.PredictRequest(model_spec=self._spec(question.signature))
        for name, values in question.inputs.items():
            request.inputs[name].CopyFrom(_tensor_proto(name, values, question.dtypes[name]))
        told = (("x-request-id", question.request_id),) if question.request_id else ()
        answer = self._ask(self._predictions.Predict, request, deadline, told)
        missing = [name for name in question.outputs if name not in answer.outputs]
        if missing:
            raise AnswerError(
                f"the answer of {self._address} should have the outputs {', '.join(question.outputs)}. "
                f"Received: {', '.join(sorted(answer.outputs)) or 'nothing'}"
            )
        return {name: as_values(name, tf.make_ndarray(answer.outputs[name]).tolist()) for name in question.outputs}

    def status(self, deadline: Deadline) -> list[VersionStatus]:
        """See `Channel`."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec())
        answer = self._ask(self._models.GetModelStatus, request, deadline)
        return [
            VersionStatus(
                version=one.version,
                state=get_model_status_pb2.ModelVersionStatus.State.Name(one.state),
                error_code=_NUMBERS.get(one.status.error_code, Status.UNKNOWN).name,
                error_message=one.status.error_message,
            )
            for one in answer.model_version_status
        ]

    def metadata(self, deadline: Deadline) -> ModelMetadata:
        """See `Channel`."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._spec(), metadata_field=["signature_def"]
        )
        answer = self._ask(self._predictions.GetModelMetadata, request, deadline)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        if not answer.metadata["signature_def"].Unpack(signatures):
            raise AnswerError(f"the metadata of {self._address} should hold a SignatureDefMap")
        return ModelMetadata(
            name=answer.model_spec.name,
            version=answer.model_spec.version.value,
            signatures={
                name: SignatureInfo(inputs=_tensors(one.inputs), outputs=_tensors(one.outputs))
                for name, one in signatures.signature_def.items()
            },
        )

    def catalogue(self, deadline: Deadline) -> dict[str, Any]:
        """See `Channel`; gRPC has no catalogue."""
        return {}

    def events(self, action: str, user: str, events: Sequence[Mapping[str, Any]], deadline: Deadline) -> dict[str, Any]:
        """See `Channel`."""
        method = next(name for name, known in ACTIONS.items() if known == action)
        asked, answered = (message(one) for one in METHODS[method])
        try:
            request = asked(events=[_given(event) for event in events]) if action == ADD else asked(user=user)
        except (TypeError, ValueError) as error:
            raise InvalidRequestError(f"the events cannot be sent: {error}") from error
        call = self._channel.unary_unary(
            f"/{EVENT_SERVICE}/{method}",
            request_serializer=asked.SerializeToString,
            response_deserializer=answered.FromString,
        )
        answer = self._ask(call, request, deadline)
        if action == LIST:
            return {"events": [dict(_event(one)) for one in answer.events]}
        return {field.name: getattr(answer, field.name) for field in answered.DESCRIPTOR.fields}

    def reload(self, models: Sequence[ModelToServe], deadline: Deadline) -> None:
        """See `Channel`."""
        request = model_management_pb2.ReloadConfigRequest()
        for model in models:
            config = request.config.model_config_list.config.add(
                name=model.name,
                base_path=model.base_path,
                model_platform="tensorflow",
                version_labels=dict(model.labels),
            )
            if model.versions:
                config.model_version_policy.specific.versions.extend(model.versions)
        answer = self._ask(self._models.HandleReloadConfigRequest, request, deadline)
        if answer.status.error_code:
            status = _NUMBERS.get(answer.status.error_code, Status.UNKNOWN)
            raise StatusError.of(status, answer.status.error_message)

    def close(self) -> None:
        """See `Channel`."""
        self._channel.close()

    def _spec(self, signature: str = "") -> Any:
        spec = model_pb2.ModelSpec(name=self._target.model, signature_name=signature)
        if self._target.version is not None:
            spec.version.value = self._target.version
        if self._target.label is not None:
            spec.version_label = self._target.label
        return spec

    def _ask(
        self, method: Callable[..., Any], request: Any, deadline: Deadline, told: tuple[tuple[str, str], ...] = ()
    ) -> Any:
        try:
            return method(request, timeout=deadline.left(), metadata=self._metadata + told)
        except grpc.RpcError as error:
            raise self._refused(error, deadline) from error
        except ValueError as error:  # a channel that was closed
            raise UnreachableError(f"{self._address} cannot be asked: {error}") from error

    def _refused(self, error: grpc.RpcError, deadline: Deadline) -> Exception:
        status = _NUMBERS[error.code().value[0]]
        details = error.details() or status.name
        if status is Status.UNAVAILABLE and any(words in details for words in NO_CONNECTION):
            return UnreachableError(f"{self._address} cannot be reached: {details}")
        if status is Status.DEADLINE_EXCEEDED:
            return deadline.exceeded()
        return StatusError.of(status, details, retry_seconds=_retry_seconds(error))


def _given(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event without what is not told."""
    return {name: value for name, value in event.items() if value is not None}


def _event(told: Any) -> Iterator[tuple[str, Any]]:
    """The fields of an event as REST has them."""
    for field in told.DESCRIPTOR.fields:
        is_told = not field.containing_oneof or told.HasField(field.name)
        yield field.name, getattr(told, field.name) if is_told else None


def _retry_seconds(error: grpc.RpcError) -> float | None:
    """What the server says of asking again (gRPC's own header, proposal A6), where it does."""
    milliseconds = dict(error.trailing_metadata() or ()).get(PUSHBACK, "0")
    try:
        return max(0.0, int(milliseconds) / 1000) if not milliseconds.startswith("-") else None
    except ValueError:
        return None


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    def content(path: Any) -> bytes | None:
        return path.read_bytes() if path is not None else None

    return grpc.ssl_channel_credentials(content(tls.ca_file), content(tls.key_file), content(tls.certificate_file))


def _tensor_proto(name: str, values: Any, dtype: str) -> Any:
    try:
        return tf.make_tensor_proto(_strings_as_bytes(values), dtype=tf.as_dtype(types_pb2.DataType.Value(dtype)))
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"the input `{name}` cannot be sent as {dtype}: {error}") from error


def _strings_as_bytes(values: Any) -> Any:
    if isinstance(values, (list, tuple)):
        return [_strings_as_bytes(value) for value in values]
    return as_bytes(values) if isinstance(values, str) else values


def _tensors(infos: Mapping[str, Any]) -> dict[str, TensorInfo]:
    return {
        name: TensorInfo(
            dtype=types_pb2.DataType.Name(info.dtype),
            shape=None
            if info.tensor_shape.unknown_rank
            else tuple(dimension.size for dimension in info.tensor_shape.dim),
        )
        for name, info in infos.items()
    }
