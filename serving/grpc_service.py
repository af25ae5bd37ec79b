"""TensorFlow Serving's gRPC API: PredictionService and ModelService, health and reflection.

A synchronous server: measured against grpc.aio it answers at least as many requests, and a thread that waits
cannot be cancelled in the middle of a batch. Answers leave a handler as bytes, so that gRPC has nothing
to serialize.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2,
    predict_pb2,
    prediction_service_pb2,
    regression_pb2,
)

from serving.access import Access
from serving.batching import ClosedError
from serving.errors import InvalidRequestError, ServerError, Status, StatusError
from serving.example_requests import classify, multi_inference, regress
from serving.metrics import Metrics
from serving.model_info import metadata_response, status_response
from serving.models_config import models_of
from serving.predicting import Waiting, grpc_signature
from serving.servable import Servable
from serving.tensors import from_proto
from serving.versions import Models

logger = logging.getLogger(__name__)

MAX_MESSAGE_CHARACTERS = 1024
TRUNCATED = "...TRUNCATED"
PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"
UNREADABLE = object()
"""Stands for a message that is not what the call takes."""
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GrpcConfig:
    """How calls are answered.

    Attributes:
      max_request_bytes: Largest message that is taken.
      threads: Calls that are worked on at once; twice as many are accepted.
      channel_arguments: Further options of gRPC.
    """

    max_request_bytes: int = 16 << 20
    threads: int = 64
    channel_arguments: tuple[tuple[str, int | str], ...] = ()


class GrpcServer:
    """The gRPC server.

    Args:
      models: What is served.
      config: Limits.
      metrics: Where requests are counted.
      access: Who may ask.
    """

    def __init__(self, models: Models, config: GrpcConfig, metrics: Metrics, access: Access) -> None:
        self._health = health.HealthServicer()
        self._server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(config.threads, "grpc"),
            maximum_concurrent_rpcs=2 * config.threads,
            options=[
                ("grpc.so_reuseport", 0),  # or a second server on the port would start, too
                ("grpc.max_receive_message_length", config.max_request_bytes),
                ("grpc.max_send_message_length", -1),
                *config.channel_arguments,
            ],
        )
        handlers = Handlers(models, metrics, access)
        self._server.add_generic_rpc_handlers((handlers.prediction_service(), handlers.model_service()))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (PREDICTION_SERVICE, MODEL_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        assert {prediction_service_pb2.DESCRIPTOR.package, model_service_pb2.DESCRIPTOR.package}  # registers both
        self.set_health(serving=False)

    def bind(self, address: str, credentials: Any | None = None) -> int:
        """Takes a port; 0 = any free one.

        Raises:
          OSError: It is taken.
        """
        try:
            if credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from None
        if not port:
            raise OSError(f"cannot listen on {address}")
        return int(port)

    def start(self) -> None:
        """Begins to answer."""
        self._server.start()

    def set_health(self, *, serving: bool) -> None:
        """What the health service says of the server and its two services."""
        state = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", PREDICTION_SERVICE, MODEL_SERVICE, "PredictionService", "ModelService"):
            self._health.set(name, state)

    def stop(self, grace_seconds: float) -> threading.Event:
        """Takes no more calls; the event is set when those that are there are answered, or their time is over."""
        self.set_health(serving=False)
        stopped: threading.Event = self._server.stop(grace_seconds)
        return stopped


class Handlers:
    """What each call does.

    Args:
      models: What is served.
      metrics: Where requests are counted.
      access: Who may ask.
    """

    def __init__(self, models: Models, metrics: Metrics, access: Access) -> None:
        self._models = models
        self._metrics = metrics
        self._access = access

    def prediction_service(self) -> Any:
        """Handlers of tensorflow.serving.PredictionService."""
        return grpc.method_handlers_generic_handler(
            PREDICTION_SERVICE,
            {
                "Predict": self._handler(predict_pb2.PredictRequest, self._predict, "Predict"),
                "Classify": self._handler(classification_pb2.ClassificationRequest, self._classify, "Classify"),
                "Regress": self._handler(regression_pb2.RegressionRequest, self._regress, "Regress"),
                "MultiInference": self._handler(inference_pb2.MultiInferenceRequest, self._multi_inference, ""),
                "GetModelMetadata": self._handler(get_model_metadata_pb2.GetModelMetadataRequest, self._metadata, ""),
            },
        )

    def model_service(self) -> Any:
        """Handlers of tensorflow.serving.ModelService."""
        return grpc.method_handlers_generic_handler(
            MODEL_SERVICE,
            {
                "GetModelStatus": self._handler(get_model_status_pb2.GetModelStatusRequest, self._status, ""),
                "HandleReloadConfigRequest": self._handler(model_management_pb2.ReloadConfigRequest, self._reload, ""),
            },
        )

    def _handler(self, request_type: Any, answer: Callable[[Any, Any], bytes], api: str) -> Any:
        """A handler with access, errors and counting around `answer`; counted where `api` names it."""

        def handle(request: Any, context: Any) -> bytes:
            started = time.monotonic()
            name = ""
            try:
                if request is UNREADABLE:
                    raise InvalidRequestError(f"The message is not a {request_type.DESCRIPTOR.full_name}")
                name = request.model_spec.name if api else ""
                if not self._access.is_open:
                    self._access.check(_authorization(context))
                response = answer(request, context)
            except StatusError as error:
                self._refuse(context, error, name, api)
            except Exception as error:
                logger.exception("a call failed: %s", type(request).__name__)
                refusal = ServerError(f"{type(error).__name__}: {error}")
                self._refuse(context, refusal, name, api)
            if api:
                self._metrics.latency(name, api, "GRPC").add((time.monotonic() - started) * 1e6)
                self._metrics.count(name, Status.OK.name)
            return response

        def read(message: bytes) -> Any:
            try:
                return request_type.FromString(message)
            except Exception:  # protobuf's DecodeError; gRPC would call it the server's fault
                return UNREADABLE

        return grpc.unary_unary_rpc_method_handler(handle, read, None)

    def _refuse(self, context: Any, error: StatusError, name: str, api: str) -> NoReturn:
        if api:
            self._metrics.count(name if name in self._models else "", error.status.name)
        message = error.message
        if len(message) > MAX_MESSAGE_CHARACTERS:
            message = message[:MAX_MESSAGE_CHARACTERS] + TRUNCATED
        context.abort(_CODES[error.status.number], message)
        raise AssertionError("abort raises")

    def _found(self, request: Any) -> Servable:
        if not request.HasField("model_spec"):
            raise InvalidRequestError("Missing ModelSpec")
        return self._found_spec(request.model_spec)

    def _found_spec(self, spec: Any) -> Servable:
        choice = spec.WhichOneof("version_choice")
        return self._models.find(
            spec.name,
            spec.version.value if choice == "version" else None,
            spec.version_label if choice == "version_label" else None,
        )

    def _predict(self, request: Any, context: Any) -> bytes:
        while True:
            servable = self._found(request)
            signature = grpc_signature(servable, request.model_spec.signature_name)
            arrays = signature.check({alias: from_proto(proto, alias) for alias, proto in request.inputs.items()})
            target = servable.target(signature, signature.check_outputs(list(request.output_filter)))
            try:
                waiting = Waiting(servable, target, arrays, context.time_remaining())
            except ClosedError:  # swapped in this very moment: its successor answers
                continue
            context.add_callback(waiting.abandon)
            outputs = waiting.outputs()
            return target.answer.write(outputs)

    def _classify(self, request: Any, context: Any) -> bytes:
        return self._examples(classify, self._found, request, context)

    def _regress(self, request: Any, context: Any) -> bytes:
        return self._examples(regress, self._found, request, context)

    def _multi_inference(self, request: Any, context: Any) -> bytes:
        def found(request: Any) -> Servable:
            return self._found_spec(request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec())

        return self._examples(multi_inference, found, request, context)

    def _examples(self, answer: Any, found: Callable[[Any], Servable], request: Any, context: Any) -> bytes:
        while True:
            servable = found(request)
            try:
                return bytes(answer(servable, request, context.time_remaining()).SerializeToString())
            except ClosedError:
                continue

    def _metadata(self, request: Any, context: Any) -> bytes:
        if not request.HasField("model_spec"):
            raise InvalidRequestError("Missing ModelSpec")
        if not request.metadata_field:
            raise InvalidRequestError("GetModelMetadataRequest must specify at least one metadata_field")
        servable = self._found(request)
        return bytes(metadata_response(servable, request.metadata_field).SerializeToString())

    def _status(self, request: Any, context: Any) -> bytes:
        if not request.HasField("model_spec"):
            raise InvalidRequestError("Missing ModelSpec")
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        return bytes(status_response(self._models.status(spec.name, version)).SerializeToString())

    def _reload(self, request: Any, context: Any) -> bytes:
        response = model_management_pb2.ReloadConfigResponse()
        self._models.reload(models_of(request.config))
        response.status.error_code = Status.OK.number
        return bytes(response.SerializeToString())


def _authorization(context: Any) -> bytes | None:
    for key, value in context.invocation_metadata():
        if key == "authorization":
            return value if isinstance(value, bytes) else str(value).encode()
    return None
