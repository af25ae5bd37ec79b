"""The model server: models, REST and gRPC in one process.

    with running(ServerConfig(models=(ModelConfig(name="recommender", base_path=path),))) as server:
        ...  # http://127.0.0.1:{server.rest_port}, 127.0.0.1:{server.grpc_port}

Ports are taken, and answered on, before models are loaded: a second server on them fails at once, and whoever asks
meanwhile is told that the model is being loaded. When it ends it takes no more requests, answers those that are there
as long as there is time, and only then frees the models.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import logging
import os
import queue
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn
import uvloop

from serving.access import Access
from serving.calls.answering import Answering
from serving.calls.call import Calls
from serving.errors import ServingError
from serving.events.api import EventsApi
from serving.events.desk import EventDesk
from serving.events.merging import Merging
from serving.events.store import Bounds, open_store, shown_url
from serving.metrics import Metrics
from serving.models.config import ModelConfig, read_models_config
from serving.models.registry import Models, VersionsConfig
from serving.models.servable import Servable, SessionConfig
from serving.models.warmup import warm_up
from serving.request_log.config import RequestLogConfig
from serving.request_log.request_log import RequestLog
from serving.rest.app import RestApp, RestConfig
from serving.rest.protocol import http_protocol
from serving.rest.website import ServedBundle, Website, has_catalogue
from serving.rotation import Rotation, read_tokens
from serving.rpc.service import GrpcConfig, GrpcServer, Handlers
from serving.tls import Certificates, GrpcCertificates, ServerTls, server_context
from serving.tracing import tracer_of_environment

logger = logging.getLogger(__name__)

LOCAL = "127.0.0.1"
SWITCH_SECONDS = 0.0005
"""How long a thread that loads a version may keep the interpreter from one that answers."""
REST_QUIET_TURNS, GRPC_QUIET_TURNS = 1, 12
"""Quiet turns of AsyncPredictor: gRPC takes several turns of its loop to receive a request."""
GOODBYE_SECONDS = 1.0
"""Seconds for the answers to requests that the end of the server leaves no time for."""


class PortError(ServingError):
    """A port cannot be had."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EventsConfig:
    """Where events are kept, and which of them count in answers.

    Attributes:
      url: Of the store (serving/events/store.py).
      bounds: What is kept.
      most: Events of a person that count in an answer.
      kinds: Kinds of events that count in answers; none = all.
    """

    url: str
    bounds: Bounds = dataclasses.field(default_factory=Bounds)
    most: int = 100
    kinds: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """A whole server.

    Attributes:
      models: What is served; the page shows the first one that has a catalogue.
      host: Address to listen on.
      rest_port: Of REST; 0 = any free one, None = no REST.
      grpc_port: Of gRPC; 0 = any free one, None = no gRPC.
      models_file: The models.config file that `models` come from; None = they do not change by themselves.
      models_file_poll_seconds: Between two readings of it; 0 = it is not read again.
      tls: Certificates; None = in the clear.
      grpc_certificates: Certificates of gRPC alone.
      token_file: Bearer tokens that are taken, one a line; None = everybody may ask.
      admin_token_file: Those that may change what is served; None = whoever may ask may do that, too.
      access_log: File of a JSON line a request, `-` = standard output; None = none.
      events: Where events are kept; None = nowhere.
      request_log: How predict requests are logged.
      session: How versions are run.
      versions: How folders are watched.
      rest: Limits of REST.
      grpc: Limits of gRPC.
      warm_up_iterations: How often each warm-up request is replayed; 0 = never.
      drain_seconds: Most time that requests have to be answered when the server ends.
      with_website: Whether the page, its catalogue and the API's description are served.
    """

    models: tuple[ModelConfig, ...]
    host: str = LOCAL
    rest_port: int | None = 8501
    grpc_port: int | None = 8500
    models_file: Path | None = None
    models_file_poll_seconds: float = 0.0
    tls: ServerTls | None = None
    grpc_certificates: Certificates | None = None
    token_file: Path | None = None
    admin_token_file: Path | None = None
    access_log: Path | None = None
    events: EventsConfig | None = None
    request_log: RequestLogConfig = dataclasses.field(default_factory=RequestLogConfig)
    session: SessionConfig = dataclasses.field(default_factory=SessionConfig)
    versions: VersionsConfig = dataclasses.field(default_factory=VersionsConfig)
    rest: RestConfig = dataclasses.field(default_factory=RestConfig)
    grpc: GrpcConfig = dataclasses.field(default_factory=GrpcConfig)
    warm_up_iterations: int = 1
    drain_seconds: float = 20.0
    with_website: bool = True


class ModelServer:
    """A server that has taken its ports.

    Args:
      config: All of it.

    Raises:
      PortError: A port is taken.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._metrics = Metrics()
        self._calls = Calls(self._metrics, config.access_log, tracer_of_environment())
        self._access = Access()
        self._rotation = Rotation()
        self._follow_tokens()
        self.models = Models(config.versions, self._load, self._tell_health, self._metrics.unloaded)
        self._metrics.queues, self._metrics.states = self._queues, self.models.states
        self._metrics.is_ready = lambda: not self._missing()
        self._stopped = threading.Event()
        self._desk = _desk(config.events)
        self._log = log = RequestLog(config.request_log, self.models.logging_of)
        self._metrics.more = self._more_counts
        events, merging = EventsApi(self._desk), None if self._desk is None else Merging(self._desk)
        self._rest: _RestServer | None = None
        self._grpc: GrpcServer | None = None
        self.rest_port: int | None = None
        self.grpc_port: int | None = None
        if config.rest_port is not None:
            self._take_rest_port(events, Answering(REST_QUIET_TURNS, merging, log))
        try:
            if config.grpc_port is not None:
                answering = Answering(GRPC_QUIET_TURNS, merging, log)
                handlers = Handlers(self.models, config.grpc, self._calls, self._access, events, answering)
                self._grpc = GrpcServer(handlers, config.grpc)
                self.grpc_port = self._bind_grpc(self._grpc, config)
        except BaseException:
            self.stop()
            raise

    def _follow_tokens(self) -> None:
        """Reads the tokens now and whenever their files change."""
        tokens, admin_tokens = self._config.token_file, self._config.admin_token_file
        if tokens is not None:
            self._rotation.follow(tokens, lambda: self._access.set_tokens(read_tokens(tokens)))
        if admin_tokens is not None:
            self._rotation.follow(admin_tokens, lambda: self._access.set_admin_tokens(read_tokens(admin_tokens)))

    def _take_rest_port(self, events: EventsApi, answering: Answering) -> None:
        config = self._config
        app = RestApp(
            self.models,
            config.rest,
            self._calls,
            self._metrics,
            self._access,
            self._missing,
            answering,
            Website(self._shown) if config.with_website else None,
            events,
            self._notes,
        )
        self._rest = rest = _RestServer(app, config)
        self.rest_port = rest.port
        if config.tls is not None:
            tls = config.tls
            self._rotation.follow(tls.files, lambda: rest.take_certificates(tls))

    def start(self) -> None:
        """Begins to answer, and loads the models.

        Raises:
          StatusError: A model cannot be loaded.
        """
        if self._grpc is not None:
            self._grpc.start()
        if self._rest is not None:
            self._rest.start()
        self._rotation.start()
        gc.collect()
        gc.freeze()  # TensorFlow's own objects would be walked through by every collection: half a second each time
        sys.setswitchinterval(SWITCH_SECONDS)
        self.models.start(self._config.models)
        self.models.wait_until_available()
        if self._stopped.is_set():
            return
        if self._config.models_file is not None and self._config.models_file_poll_seconds:
            threading.Thread(target=self._follow_models_file, name="models-file", daemon=True).start()

    def stop(self) -> bool:
        """Takes no more requests, answers those that are there while there is time, frees the models.

        Returns:
          Whether everything has ended; False where a load or a call of a model still runs, which nothing can interrupt.
        """
        self._stopped.set()
        self._rotation.stop()
        until = time.monotonic() + self._config.drain_seconds
        calls_answered = self._grpc.stop(self._config.drain_seconds) if self._grpc is not None else None
        if self._rest is not None:
            self._rest.stop()
        if calls_answered is not None:
            calls_answered.result()
        self._calls.close()
        if self._desk is not None:
            self._desk.close()
        self._log.close()
        return self.models.stop(max(0.0, until - time.monotonic()))

    def _missing(self) -> list[str]:
        """What keeps the server from being ready."""
        return ["the server ends"] if self._stopped.is_set() else self.models.missing()

    def _notes(self) -> list[str]:
        """What is worse than it should be, though the server answers."""
        notes = []
        if self._desk is not None and self._desk.fault:
            notes.append(f"the event store is away: {self._desk.fault}")
        if self._log.fault:
            notes.append(f"requests cannot be logged: {self._log.fault}")
        return notes

    def _more_counts(self) -> dict[str, float]:
        return {**({} if self._desk is None else self._desk.state()), **self._log.state()}

    def _tell_health(self) -> None:
        if self._grpc is not None and not self._stopped.is_set():
            self._grpc.set_health(serving=not self.models.missing())

    def description(self) -> list[str]:
        """What is served where, in words."""
        scheme, host = "https" if self._config.tls else "http", self._config.host
        host = f"[{host}]" if ":" in host else host
        lines = [
            f"{servable.name}, version {servable.version}: {servable.path}"
            for name in self.models.names
            if (servable := self.models.latest(name)) is not None
        ]
        if self.rest_port is not None:
            first = next(iter(self.models.names), "MODEL")
            lines.append(f"REST  {scheme}://{host}:{self.rest_port}/v1/models/{first}:predict")
        if self.grpc_port is not None:
            lines.append(f"gRPC  {host}:{self.grpc_port}")
        if self._config.events is not None:
            lines.append(f"events  {shown_url(self._config.events.url)}")
        if self._config.request_log.default is not None:
            logged = self._config.request_log.default
            lines.append(f"log  {logged.prefix}-*.tfrecord, {100 * logged.sampling_rate:g} % of the requests")
        if self.rest_port is not None and self._config.with_website:
            lines.append(f"page  {scheme}://{host}:{self.rest_port}/")
        return lines

    def _follow_models_file(self) -> None:
        """Serves what the models.config file says, whenever it says something else.

        What is refused is tried again: a label may name a version that comes later.
        """
        assert self._config.models_file is not None
        models, refused = self._config.models, ""
        while not self._stopped.wait(self._config.models_file_poll_seconds):
            try:
                now = read_models_config(self._config.models_file)
                if now != models:
                    self.models.reload(now)
                    models = now
                refused = ""
            except ServingError as error:
                if str(error) != refused:
                    logger.error("%s: %s", self._config.models_file, error)
                refused = str(error)

    def _load(self, name: str, version: int, path: Path) -> Servable:
        started = time.monotonic()
        servable = Servable(name, version, path, self._config.session, self._metrics)
        try:
            warm_up(servable, self._config.warm_up_iterations)
        except BaseException:
            servable.close()
            raise
        self._metrics.loaded(name, version, time.monotonic() - started)
        return servable

    def _shown(self) -> ServedBundle | None:
        """What the page is about: the first model that has a catalogue."""
        for name in self.models.names:
            servable = self.models.latest(name)
            if servable is not None and has_catalogue(servable.path):
                return ServedBundle(model=servable.name, version=servable.version, folder=servable.path)
        return None

    def _queues(self) -> Iterator[tuple[str, int, int]]:
        for servable in self.models.available():
            yield servable.name, servable.version, servable.batcher.queued_rows

    def _bind_grpc(self, server: GrpcServer, config: ServerConfig) -> int:
        credentials = None
        if config.grpc_certificates is not None:
            credentials = GrpcCertificates(config.grpc_certificates).credentials()
        elif config.tls is not None:
            tls, certificates = config.tls, GrpcCertificates(config.tls.read())
            self._rotation.follow(tls.files, lambda: certificates.set(tls.read()))
            credentials = certificates.credentials()
        host = f"[{config.host}]" if ":" in config.host else config.host
        try:
            return server.bind(f"{host}:{config.grpc_port}", credentials)
        except OSError as error:
            raise PortError(f"gRPC: {error}") from None


def _desk(config: EventsConfig | None) -> EventDesk | None:
    """The desk of the store, which must be there when the server starts."""
    if config is None:
        return None
    store = open_store(config.url, config.bounds)
    for note in store.check():
        logger.warning("%s", note)
    return EventDesk(store, most=config.most, kinds=config.kinds)


class _RestServer:
    """uvicorn in a thread of its own, on a socket that is taken at once."""

    def __init__(self, app: RestApp, config: ServerConfig) -> None:
        self._context = None if config.tls is None else server_context(config.tls.read())
        self._app = app
        self._socket = _listening(config.host, config.rest_port or 0)
        self.port: int = self._socket.getsockname()[1]
        self._config = uvicorn.Config(
            app,
            http=http_protocol(config.rest.timeout_seconds, app.refused),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(config.drain_seconds)),
        )
        self._config.load()
        if self._context is not None:
            self._context.sni_callback = self._take_newest  # called at every handshake, with a name or without
            self._config.ssl = self._context
        self._server = _Uvicorn(self._config)
        self._thread = threading.Thread(target=self._run, name="rest", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take_certificates(self, tls: ServerTls) -> None:
        """Makes new connections with what the files hold now.

        Raises:
          InvalidRequestError: They cannot be taken.
        """
        self._context = server_context(tls.read())

    def _take_newest(self, connection: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        assert self._context is not None
        connection.context = self._context

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self._app.close()

    def _run(self) -> None:
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._serve())
        except Exception:
            logger.exception("the REST server ended")
        finally:
            loop.close()

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._socket])
        tasks = self._server.server_state.tasks
        if tasks:  # their time is over: they have been cancelled, and tell their clients so
            await asyncio.wait(tasks, timeout=GOODBYE_SECONDS)
            await asyncio.sleep(0)


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:  # the model server has its own
        yield


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens; clients that come before the server answers wait in its queue."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortError(f"REST: cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


@contextlib.contextmanager
def running(config: ServerConfig) -> Iterator[ModelServer]:
    """A server that answers, in threads of this process.

    Raises:
      ServingError: A port is taken or a model cannot be loaded.
    """
    server = ModelServer(config)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def serve(config: ServerConfig, ready: Callable[[ModelServer], None]) -> None:
    """Runs a server in the main thread until SIGTERM or SIGINT; a second signal ends it at once.

    Args:
      config: All of it.
      ready: Called when the server answers.

    Raises:
      ServingError: A port is taken or a model cannot be loaded.
    """
    server = ModelServer(config)
    events: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()  # may be used in signal handlers

    def end(number: int, frame: FrameType | None) -> None:
        events.put(_SignalError(signal.Signals(number).name))
        signal.signal(number, signal.SIG_DFL)

    def start() -> None:
        try:
            server.start()
            events.put(None)
        except BaseException as error:
            events.put(error)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        threading.Thread(target=start, name="start", daemon=True).start()
        while (event := events.get()) is None:
            ready(server)
        if not isinstance(event, _SignalError):
            raise event
        logger.info("%s: no more requests are taken, those that are there are answered", event)
    finally:
        has_ended = server.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
    if not has_ended:
        logger.warning("a load or a call of a model still runs; the process ends without it")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)  # an ordinary end would wait for it, or crash in it


class _SignalError(Exception):
    """A signal came."""
