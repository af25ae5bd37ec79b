"""TensorFlow Serving's gRPC API: PredictionService and ModelService, health and reflection.

An asynchronous server on an event loop of its own. Measured beside the synchronous one it takes a third of the
CPU: there every answer of a batch wakes a thread, and the threads wait for each other; here a batch wakes the loop
once. Messages come and go as bytes, so that gRPC has nothing to parse or to serialize.

A Predict request is read and checked on the loop, waits in the batcher's queue, and is written on the
loop. What is large, and every other call, goes to a thread instead.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import math
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.access import Access
from serving.calls.answering import Answering
from serving.calls.batching import ClosedError
from serving.calls.call import Call, Calls
from serving.calls.examples import classify, multi_inference, regress
from serving.calls.from_thread import asked
from serving.errors import InvalidRequestError, ServerError, Status, StatusError, UnavailableError
from serving.events.actions import ACTIONS, ERASE, LIST
from serving.events.api import EventsApi, event_of_message
from serving.events.event import events_of
from serving.events.messages import DESCRIPTOR as EVENTS_DESCRIPTOR
from serving.events.messages import EVENT_SERVICE, METHODS, message
from serving.models.config import models_of
from serving.models.info import metadata_response, status_response
from serving.models.registry import Models
from serving.models.servable import Servable
from serving.rpc.descriptions import MODEL_SERVICE, PREDICTION_SERVICE, described
from serving.rpc.health import Health

Result = TypeVar("Result")

LARGE_MESSAGE_BYTES = 128 << 10
"""Messages and answers from this size on are read and written in a thread: about a millisecond's work."""
LARGE_ANSWER_VALUES = 20_000
MAX_MESSAGE_CHARACTERS = 1024
TRUNCATED = "...TRUNCATED"
REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
RELOAD = "HandleReloadConfigRequest"
REQUEST_ID = "x-request-id"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GrpcConfig:
    """How calls are answered.

    Attributes:
      max_request_bytes: Largest message that is taken.
      max_bytes_in_flight: Large messages of all calls together.
      max_calls: Calls at once; further ones are RESOURCE_EXHAUSTED.
      threads: Large messages, and calls other than Predict, that are worked on at once.
      channel_arguments: Further options of gRPC.
    """

    max_request_bytes: int = 16 << 20
    max_bytes_in_flight: int = 256 << 20
    max_calls: int = 4096
    threads: int = 16
    channel_arguments: tuple[tuple[str, int | str], ...] = ()


class GrpcServer:
    """The gRPC server and the thread of its event loop.

    Args:
      handlers: What each call does; ended with the server.
      config: Limits.
    """

    def __init__(self, handlers: Handlers, config: GrpcConfig) -> None:
        self._config = config
        self._handlers = handlers
        self._stopped: concurrent.futures.Future[None] | None = None
        self._is_started = False
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="grpc", daemon=True)
        self._thread.start()
        self._health, self._server = self._on_loop(self._build()).result()

    def bind(self, address: str, credentials: Any | None = None) -> int:
        """Takes a port; 0 = any free one.

        Raises:
          OSError: It is taken.
        """

        async def take() -> int:
            if credentials is None:
                return int(self._server.add_insecure_port(address))
            return int(self._server.add_secure_port(address, credentials))

        try:
            port = self._on_loop(take()).result()
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from None
        if not port:
            raise OSError(f"cannot listen on {address}")
        return port

    def start(self) -> None:
        """Begins to answer."""
        self._is_started = True
        self._on_loop(self._server.start()).result()

    def set_health(self, *, serving: bool) -> None:
        """What the health service says from now on of the server and its two services; does not wait."""
        self._on_loop(self._health.set(serving=serving))

    def stop(self, grace_seconds: float) -> concurrent.futures.Future[None]:
        """Takes no more calls; done when those that are there are answered, or their time is over."""
        if self._stopped is None:
            self._stopped = self._on_loop(self._stop(grace_seconds))
            self._stopped.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._loop.stop))
        return self._stopped

    async def _build(self) -> tuple[Health, Any]:
        server = grpc.aio.server(
            maximum_concurrent_rpcs=self._config.max_calls,
            options=[
                ("grpc.so_reuseport", 0),  # or a second server on the port would start, too
                ("grpc.max_receive_message_length", self._config.max_request_bytes),
                ("grpc.max_send_message_length", -1),
                *self._config.channel_arguments,
            ],
        )
        handlers = self._handlers
        server.add_generic_rpc_handlers(
            (handlers.prediction_service(), handlers.model_service(), handlers.event_service())
        )
        state = Health(("", PREDICTION_SERVICE, MODEL_SERVICE, EVENT_SERVICE, "PredictionService", "ModelService"))
        health_pb2_grpc.add_HealthServicer_to_server(state, server)
        names = (
            PREDICTION_SERVICE,
            MODEL_SERVICE,
            EVENT_SERVICE,
            health.SERVICE_NAME,
            reflection.SERVICE_NAME,
            REFLECTION_V1,
        )
        pool = described([health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR, EVENTS_DESCRIPTOR])
        reflection.enable_server_reflection(names, server, pool)
        server.add_generic_rpc_handlers((_reflection_v1(names, pool),))
        return state, server

    async def _stop(self, grace_seconds: float) -> None:
        if not self._is_started:
            await self._server.start()  # a server that never started would keep its port
            grace_seconds = 0
        await self._health.set(serving=False, is_last=True)
        await self._server.stop(grace_seconds)

    def _on_loop(self, work: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._handlers.close()


class Handlers:
    """What each call does.

    Args:
      models: What is served.
      config: Limits.
      calls: Told of every call that has ended.
      access: Who may ask.
      events: Answers what is asked of events.
      answering: Computes answers to Predict.
    """

    def __init__(
        self,
        models: Models,
        config: GrpcConfig,
        calls: Calls,
        access: Access,
        events: EventsApi,
        answering: Answering,
    ) -> None:
        self._models = models
        self._events = events
        self._answering = answering
        self._calls = calls
        self._access = access
        self._threads = concurrent.futures.ThreadPoolExecutor(config.threads, "grpc")
        self._max_in_flight = config.max_bytes_in_flight
        self._in_flight = 0

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False)

    def prediction_service(self) -> Any:
        """Handlers of tensorflow.serving.PredictionService."""
        return grpc.method_handlers_generic_handler(
            PREDICTION_SERVICE,
            {
                "Predict": self._guarded(self._predict, "Predict"),
                "Classify": self._handler(classification_pb2.ClassificationRequest, self._classify, "Classify"),
                "Regress": self._handler(regression_pb2.RegressionRequest, self._regress, "Regress"),
                "MultiInference": self._handler(
                    inference_pb2.MultiInferenceRequest, self._multi_inference, "MultiInference"
                ),
                "GetModelMetadata": self._handler(
                    get_model_metadata_pb2.GetModelMetadataRequest, self._metadata, "GetModelMetadata"
                ),
            },
        )

    def model_service(self) -> Any:
        """Handlers of tensorflow.serving.ModelService."""
        return grpc.method_handlers_generic_handler(
            MODEL_SERVICE,
            {
                "GetModelStatus": self._handler(
                    get_model_status_pb2.GetModelStatusRequest, self._status, "GetModelStatus"
                ),
                "HandleReloadConfigRequest": self._handler(
                    model_management_pb2.ReloadConfigRequest, self._reload, RELOAD
                ),
            },
        )

    def event_service(self) -> Any:
        """Handlers of tfx_recommenders.EventService."""
        answers = {
            "AddEvents": self._add_events,
            "UserEvents": self._user_events,
            "EraseEvents": self._erase_events,
        }

        def handler(name: str) -> Any:
            answer = answers[name]
            request_type = message(METHODS[name][0])

            async def handle(call: Call, received: bytes, context: Any) -> bytes:
                return bytes((await answer(_read(request_type, received))).SerializeToString())

            return self._guarded(handle, ACTIONS[name])

        return grpc.method_handlers_generic_handler(EVENT_SERVICE, {name: handler(name) for name in METHODS})

    async def _add_events(self, request: Any) -> Any:
        stored, repeated = await self._events.add(events_of([event_of_message(one) for one in request.events]))
        return message("AddEventsResponse")(stored=stored, repeated=repeated)

    async def _user_events(self, request: Any) -> Any:
        return message("UserEventsResponse")(events=[one._asdict() for one in await self._events.listed(request.user)])

    async def _erase_events(self, request: Any) -> Any:
        return message("EraseEventsResponse")(erased=await self._events.erase(request.user))

    def _handler(self, request_type: Any, answer: Callable[[Call, Any, float | None], bytes], api: str) -> Any:
        """A handler whose work is done in a thread."""

        async def in_thread(call: Call, message: bytes, context: Any) -> bytes:
            return await self._in_thread(work, call, message, context.time_remaining())

        def work(call: Call, message: bytes, seconds: float | None) -> bytes:
            return answer(call, _read(request_type, message), seconds)

        return self._guarded(in_thread, api)

    def _guarded(self, answer: Callable[[Call, bytes, Any], Coroutine[Any, Any, bytes]], api: str) -> Any:
        """A handler with access, errors and counting around `answer`."""

        async def handle(message: bytes, context: Any) -> bytes:
            metadata = dict(context.invocation_metadata())
            call = Call("GRPC", _header(metadata, REQUEST_ID), _header(metadata, "traceparent"))
            call.api, call.asked = api, api
            try:
                self._check_access(metadata, api)
                response = await answer(call, message, context)
                call.answer_bytes = len(response)
                if REQUEST_ID in metadata:
                    context.set_trailing_metadata(((REQUEST_ID, call.request_id.decode()),))
                return response
            except asyncio.CancelledError:  # the client went away, or its time is over
                call.failed(StatusError("The client went away, or its time was over", Status.CANCELLED))
                raise
            except StatusError as error:
                call.failed(error)
            except Exception as error:
                call.failed(ServerError(f"{type(error).__name__}: {error}"))
                call.error = error
            finally:
                call.client = context.peer() if self._calls.are_written else ""
                self._calls.finish(call)
            await context.abort(_CODES[call.status.number], _cut(str(call.error)), _told(call))
            raise AssertionError("abort raises")

        return grpc.unary_unary_rpc_method_handler(handle, None, None)

    def _check_access(self, metadata: dict[str, Any], api: str) -> None:
        if api in (RELOAD, LIST, ERASE):
            self._access.check_admin(_header(metadata, "authorization"))
        elif not self._access.is_open:
            self._access.check(_header(metadata, "authorization"))

    def _found(self, call: Call, request: Any) -> Servable:
        if not request.HasField("model_spec"):
            raise InvalidRequestError("Missing ModelSpec")
        return self._found_spec(call, request.model_spec)

    def _found_spec(self, call: Call, spec: Any) -> Servable:
        choice = spec.WhichOneof("version_choice")
        label = spec.version_label if choice == "version_label" else None
        if spec.name in self._models:
            call.model = spec.name
        servable = self._models.find(spec.name, spec.version.value if choice == "version" else None, label)
        call.version, call.label = servable.version_text, label or ""
        return servable

    async def _predict(self, call: Call, message: bytes, context: Any) -> bytes:
        if len(message) < LARGE_MESSAGE_BYTES:
            return await self._computed(call, _read(predict_pb2.PredictRequest, message), context)
        if self._in_flight + len(message) > self._max_in_flight:
            raise UnavailableError("Too many large requests at once")
        self._in_flight += len(message)
        try:
            request = await self._in_thread(_read, predict_pb2.PredictRequest, message)
            return await self._computed(call, request, context, is_large=True)
        finally:
            self._in_flight -= len(message)

    async def _computed(self, call: Call, request: Any, context: Any, *, is_large: bool = False) -> bytes:
        seconds = context.time_remaining()
        deadline = math.inf if seconds is None else call.started + seconds
        while True:
            servable = self._found(call, request)
            if is_large:
                target, arrays = await self._in_thread(asked, servable, request)
            else:
                target, arrays = asked(servable, request)
            call.signature = target.signature.name
            try:
                outputs = await self._answering.outputs(call, servable, target, arrays, deadline)
            except ClosedError:  # swapped in this very moment: its successor answers
                continue
            if sum(output.size for output in outputs) < LARGE_ANSWER_VALUES:
                return target.answer.write(outputs)
            return await self._in_thread(target.answer.write, outputs)

    async def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _classify(self, call: Call, request: Any, seconds: float | None) -> bytes:
        return self._examples(classify, self._found, call, request, seconds)

    def _regress(self, call: Call, request: Any, seconds: float | None) -> bytes:
        return self._examples(regress, self._found, call, request, seconds)

    def _multi_inference(self, call: Call, request: Any, seconds: float | None) -> bytes:
        def found(call: Call, request: Any) -> Servable:
            return self._found_spec(call, request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec())

        return self._examples(multi_inference, found, call, request, seconds)

    def _examples(
        self, answer: Any, found: Callable[[Call, Any], Servable], call: Call, request: Any, seconds: float | None
    ) -> bytes:
        while True:
            servable = found(call, request)
            try:
                return bytes(answer(servable, request, seconds).SerializeToString())
            except ClosedError:
                continue

    def _metadata(self, call: Call, request: Any, seconds: float | None) -> bytes:
        if not request.HasField("model_spec"):
            raise InvalidRequestError("Missing ModelSpec")
        if not request.metadata_field:
            raise InvalidRequestError("GetModelMetadataRequest must specify at least one metadata_field")
        servable = self._found(call, request)
        return bytes(metadata_response(servable, request.metadata_field).SerializeToString())

    def _status(self, call: Call, request: Any, seconds: float | None) -> bytes:
        if not request.HasField("model_spec"):
            raise InvalidRequestError("Missing ModelSpec")
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        return bytes(status_response(self._models.status(spec.name, version)).SerializeToString())

    def _reload(self, call: Call, request: Any, seconds: float | None) -> bytes:
        response = model_management_pb2.ReloadConfigResponse()
        self._models.reload(models_of(request.config))
        response.status.error_code = Status.OK.number
        return bytes(response.SerializeToString())


def _reflection_v1(names: tuple[str, ...], pool: Any) -> Any:
    """The service under the name that it has kept; its messages are those of v1alpha, which grpcio-reflection knows."""
    handler = grpc.stream_stream_rpc_method_handler(
        reflection.aio.ReflectionServicer(names, pool).ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(REFLECTION_V1, {"ServerReflectionInfo": handler})


def _read(request_type: Any, message: bytes) -> Any:
    try:
        return request_type.FromString(message)
    except Exception:  # protobuf's DecodeError; gRPC would call it the server's fault
        raise InvalidRequestError(f"The message is not a {request_type.DESCRIPTOR.full_name}") from None


def _header(metadata: dict[str, Any], name: str) -> bytes | None:
    value = metadata.get(name)
    return value if value is None or isinstance(value, bytes) else str(value).encode()


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_CHARACTERS else text[:MAX_MESSAGE_CHARACTERS] + TRUNCATED


def _told(call: Call) -> tuple[tuple[str, str], ...]:
    """Metadata of a refusal: the request's id, and when to ask again, for people and for gRPC's own retries."""
    told: tuple[tuple[str, str], ...] = ((REQUEST_ID, call.request_id.decode()),)
    if isinstance(call.error, UnavailableError):
        seconds = call.error.retry_seconds
        pushback = -1 if seconds is None else round(1000 * seconds)
        told += (("grpc-retry-pushback-ms", str(pushback)),)
        told += () if seconds is None else (("retry-after", f"{seconds:g}"),)
    return told
