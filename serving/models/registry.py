"""Which versions of which models are served now: polls their folders, loads, swaps, unloads.

A new version is loaded and warmed up before an old one goes; a version that cannot be loaded leaves
the old one where it is; a base path that disappears changes nothing. Requests look versions up in
maps that are replaced as a whole, so they never wait for a load. Every model is watched by a thread of its own, so
that models are loaded side by side.
"""

from __future__ import annotations

import dataclasses
import enum
import gc
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from serving.errors import InvalidRequestError, NotFoundError, ServerError, Status, StatusError, UnavailableError
from serving.models.config import ModelConfig
from serving.models.folders import VersionWatch, version_folders
from serving.models.servable import Servable
from serving.request_log.config import LoggedModel

logger = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long a thread that has nothing to do may take to see that it is to end."""


class State(enum.Enum):
    """How far a version is; the numbers are those of ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionReport:
    """What GetModelStatus tells about a version.

    Attributes:
      version: Its number.
      state: Where it stands.
      status: OK, or what went wrong.
      message: In words.
    """

    version: int
    state: State
    status: Status = Status.OK
    message: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionsConfig:
    """How folders are watched and versions loaded.

    Attributes:
      poll_seconds: Between two looks; 0 = look until every model is there, and never again.
      max_load_retries: Attempts after the first one that fails.
      retry_seconds: Between two attempts; a changed folder is tried again at once.
      settle_seconds: How long a version's files must have been left alone before it is loaded.
      allow_labels_for_unavailable: Whether a label may name a version that is not loaded (yet).
      load_threads: Versions, of several models, that are loaded at once.
    """

    poll_seconds: float = 1.0
    max_load_retries: int = 5
    retry_seconds: float = 60.0
    settle_seconds: float = 1.0
    allow_labels_for_unavailable: bool = False
    load_threads: int = 4


class _Version:
    """One version of one model, in the hands of the watching thread."""

    def __init__(self, version: int, path: Path) -> None:
        self.version = version
        self.path = path
        self.state = State.START
        self.error: StatusError | None = None
        self.attempts = 0
        self.next_attempt = 0.0
        self.servable: Servable | None = None

    def status(self) -> VersionReport:
        return VersionReport(
            version=self.version,
            state=self.state,
            status=self.error.status if self.error else Status.OK,
            message=self.error.message if self.error else "",
        )


class _Model:
    """One model; without a config it is no longer served and only remembered."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.config: ModelConfig | None = None
        self.versions: dict[int, _Version] = {}
        self.watches: dict[int, VersionWatch] = {}  # of the folders that are not loaded
        self.looks = 0  # at its folder, since its config came
        self.trouble = ""  # what is wrong with its folder
        self.wake = threading.Event()
        self.thread: threading.Thread | None = None
        self.is_loading = False

    def available(self) -> dict[int, Servable]:
        return {
            number: version.servable
            for number, version in self.versions.items()
            if version.state is State.AVAILABLE and version.servable is not None
        }


class Models:
    """The models of a server.

    Args:
      config: How folders are watched.
      load: Loads a version; raises StatusError.
      changed: Called whenever something may answer that did not, or the other way round; must not wait.
      unloaded: Called with the model and number of a version that is gone.
    """

    def __init__(
        self,
        config: VersionsConfig,
        load: Callable[[str, int, Path], Servable],
        changed: Callable[[], None] = lambda: None,
        unloaded: Callable[[str, int], None] = lambda name, version: None,
    ) -> None:
        self._config = config
        self._load = load
        self._tell_change = changed
        self._tell_unloaded = unloaded
        self._loads = threading.Semaphore(config.load_threads)
        self._changed = threading.Condition()
        self._models: dict[str, _Model] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._logging: dict[str, LoggedModel | None] = {}
        self._serving: dict[str, dict[int, Servable]] = {}
        self._latest: dict[str, Servable] = {}
        self._started = self._stopping = False

    # What requests ask.

    def find(self, name: str, version: int | None = None, label: str | None = None) -> Servable:
        """The version that a request means: the newest one without a number or label.

        Raises:
          StatusError: There is none.
        """
        if not name:
            raise InvalidRequestError("ModelSpec has no name specified.")
        if label is not None:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise InvalidRequestError(f"Unrecognized servable version label: {label}")
        servable = self._latest.get(name) if version is None else self._serving.get(name, {}).get(version)
        if servable is None:
            wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            if self._is_coming(name, version):
                raise UnavailableError(f"Servable is being loaded: {wanted}")
            raise NotFoundError(f"Servable not found for request: {wanted}")
        return servable

    def _is_coming(self, name: str, version: int | None) -> bool:
        """Whether a version that is asked for may answer in a moment: it is loaded for the first time."""
        model = self._models.get(name)
        if model is None or model.config is None:
            return False
        if version is None and not model.looks:
            return True
        versions = [known for known in list(model.versions.values()) if version in (None, known.version)]
        return any(known.state in (State.START, State.LOADING) and known.error is None for known in versions)

    def status(self, name: str, version: int | None = None) -> list[VersionReport]:
        """Where the versions of a model stand, newest first; those that have ended are listed, too.

        Raises:
          NotFoundError: Nothing is known of it.
        """
        with self._changed:
            model = self._models.get(name)
            versions = {} if model is None else model.versions
            if version is not None:
                if version not in versions:
                    raise NotFoundError(f"Could not find version {version} of model {name}")
                return [versions[version].status()]
            if not versions:
                raise NotFoundError(f"Could not find any versions of model {name}")
            return [versions[number].status() for number in sorted(versions, reverse=True)]

    def __contains__(self, name: str) -> bool:
        """Whether the model is, or ever was, one of this server's."""
        return name in self._models

    def latest(self, name: str) -> Servable | None:
        """The newest version that answers; None without one."""
        return self._latest.get(name)

    def available(self) -> list[Servable]:
        """Every version that answers."""
        return [servable for versions in self._serving.values() for servable in versions.values()]

    def states(self) -> list[tuple[str, int, str]]:
        """Model, number and state of every version of the models that are served."""
        with self._changed:
            return [
                (name, number, version.state.name)
                for name, model in self._models.items()
                if model.config is not None
                for number, version in model.versions.items()
            ]

    def missing(self) -> list[str]:
        """What keeps the server from being ready, in words: models and labels without a version that answers."""
        serving, labels, names = self._serving, self._labels, self.names
        reasons = [f"model {name}: no version answers" for name in names if not serving.get(name)]
        for name in names:
            for label, version in labels.get(name, {}).items():
                if version not in serving.get(name, {}):
                    reasons.append(f"model {name}: version {version}, label {label}, does not answer")
        return reasons if names else ["no model is configured"]

    @property
    def names(self) -> list[str]:
        """Names of the models that are served."""
        return [name for name, model in list(self._models.items()) if model.config is not None]

    @property
    def are_available(self) -> bool:
        """Whether every model has a version that answers."""
        return all(name in self._latest for name in self.names)

    # What the server does.

    def start(self, models: Iterable[ModelConfig]) -> None:
        """Begins to watch the models' folders.

        Raises:
          StatusError: A label names a version that is not there.
        """
        self._started = True
        self._set_config(tuple(models))

    def wait_until_available(self) -> None:
        """Blocks until every model has a version that answers, or the models are stopped.

        Raises:
          ServerError: A model cannot be loaded, all attempts included.
        """
        with self._changed:
            while not (self.are_available or self._stopping):
                failed = self._failed(self.names)
                if failed:
                    raise ServerError(failed)
                self._changed.wait()

    def reload(self, models: Sequence[ModelConfig]) -> None:
        """Serves these models from now on and waits until those that are new answer.

        Raises:
          StatusError: The configuration is refused and nothing changes, or a new model does not become available.
        """
        known = set(self.names)
        self._set_config(tuple(models))
        new = [model.name for model in models if model.name not in known]
        with self._changed:
            while not (self._stopping or all(name in self._latest for name in new)):
                missing = self._failed(new, at_once=True)
                if missing:
                    raise StatusError.of(Status.UNKNOWN, missing)
                self._changed.wait()

    def stop(self, seconds: float = math.inf) -> bool:
        """Ends watching, answers what is queued and unloads everything.

        Args:
          seconds: Most time for the answers. A load that is under way is not waited for.

        Returns:
          Whether everything has ended.
        """
        until = time.monotonic() + seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            models = list(self._models.values())
        for model in models:
            model.wake.set()
        for model in models:
            if model.thread is not None and not model.is_loading:
                model.thread.join(STOP_SECONDS)
        unloads = [self._unload(model, version, until) for model in models for version in model.versions.values()]
        for unload in unloads:
            if unload is not None:
                unload.join()
        states = [version.state for model in models for version in model.versions.values()]
        return State.UNLOADING not in states and not any(model.is_loading for model in models)

    # The watching threads.

    def _watch(self, model: _Model) -> None:
        while not self._stopping:
            model.wake.clear()
            settling = False
            try:
                settling = self._look(model)
            except Exception:
                logger.exception("model %s: looking for versions failed", model.name)
            model.wake.wait(self._pause(model, settling))

    def _pause(self, model: _Model, settling: bool) -> float | None:
        if model.config is None:
            return None
        if settling or model.name not in self._latest:
            settle = max(self._config.settle_seconds, 0.1)
            return min(settle, self._config.poll_seconds or settle) / 2
        return self._config.poll_seconds or None

    def _look(self, model: _Model) -> bool:
        """One look at a model's folder; whether a version there is still being written."""
        config = model.config
        if config is None:
            self._unload_others(model, [])
            return False
        folders = self._folders(model, config.base_path)
        settling = False
        if folders is not None:
            complete = self._complete(model, folders)
            settling = len(complete) < len(folders)
            wanted = config.policy.chosen(complete)
            for number in wanted:
                if self._stopping or model.config is not config:
                    return True
                self._load_if_due(model, number, folders[number])
                if number in model.available():
                    self._unload_others(model, wanted)
            if not config.policy.chosen(list(folders)):
                self._unload_others(model, [])
        with self._changed:
            model.looks += 1
            self._changed.notify_all()
        return settling

    def _folders(self, model: _Model, base_path: Path) -> dict[int, Path] | None:
        """The versions under the base path; None when it is not there, which changes nothing."""
        try:
            folders = version_folders(base_path)
        except OSError as error:
            self._tell(model, f"Could not find base path {base_path}: {error.strerror}")
            return None
        self._tell(model, "" if folders else f"No versions of model {model.name} found under base path {base_path}")
        return folders

    def _complete(self, model: _Model, folders: dict[int, Path]) -> list[int]:
        """The versions that can be served: those that are, and those whose folders are there as a whole."""
        available = model.available()
        model.watches = {
            number: model.watches.get(number) or VersionWatch(path)
            for number, path in folders.items()
            if number not in available
        }
        for number, watch in model.watches.items():
            if watch.changed() and number in model.versions:
                model.versions[number].attempts = 0  # somebody mended it: try at once
        settle = self._config.settle_seconds
        return [number for number in folders if number in available or model.watches[number].is_complete(settle)]

    def _load_if_due(self, model: _Model, number: int, path: Path) -> None:
        version = model.versions.get(number)
        if version is None:
            version = _Version(number, path)
        elif version.state in (State.AVAILABLE, State.UNLOADING) or (
            version.attempts
            and (version.attempts > self._config.max_load_retries or time.monotonic() < version.next_attempt)
        ):
            return
        with self._changed:
            model.versions[number] = version
            version.path, version.state, version.error = path, State.LOADING, None
            self._changed.notify_all()
        while not self._loads.acquire(timeout=STOP_SECONDS):
            if self._stopping:
                return
        started = time.monotonic()
        model.is_loading = True
        try:
            servable = self._load(model.name, number, path)
        except StatusError as error:
            self._note_failure(model, version, error)
            return
        finally:
            model.is_loading = False
            self._loads.release()
        with self._changed:
            version.servable, version.state, version.attempts = servable, State.AVAILABLE, 0
            self._publish(model)
        logger.info("model %s: version %d loaded in %.1f s", model.name, number, time.monotonic() - started)

    def _note_failure(self, model: _Model, version: _Version, error: StatusError) -> None:
        version.attempts += 1
        version.next_attempt = time.monotonic() + self._config.retry_seconds
        last = version.attempts > self._config.max_load_retries
        logger.error("model %s: version %d cannot be loaded: %s", model.name, version.version, error.message)
        with self._changed:
            version.error = error
            version.state = State.END if last else State.LOADING
            self._changed.notify_all()

    def _unload_others(self, model: _Model, wanted: list[int]) -> None:
        for number in model.available().keys() - set(wanted):
            self._unload(model, model.versions[number])

    def _unload(self, model: _Model, version: _Version, until: float = math.inf) -> threading.Thread | None:
        """Takes a version out of the requests' sight at once and frees it when its queue is empty."""
        servable = version.servable
        if version.state is not State.AVAILABLE or servable is None:
            return None
        with self._changed:
            version.state, version.servable = State.UNLOADING, None
            self._publish(model)
        thread = threading.Thread(
            target=self._free,
            args=(model, version, servable, until),
            name=f"unload-{model.name}-{version.version}",
            daemon=True,
        )
        thread.start()
        return thread

    def _free(self, model: _Model, version: _Version, servable: Servable, until: float) -> None:
        try:
            if not servable.close(max(0.0, until - time.monotonic())):
                logger.warning("model %s: version %d still computes and is left alone", model.name, version.version)
                return
        except Exception:
            logger.exception("model %s: version %d was not freed", model.name, version.version)
        del servable
        gc.collect()  # of what was made since the start: the rest has been frozen
        with self._changed:
            version.state = State.END
            self._changed.notify_all()
        self._tell_unloaded(model.name, version.version)
        logger.info("model %s: version %d unloaded", model.name, version.version)

    def _publish(self, model: _Model) -> None:
        """Replaces the maps that requests read; called with the lock held."""
        available = model.available()
        self._serving = {**self._serving, model.name: available}
        latest = {name: servable for name, servable in self._latest.items() if name != model.name}
        if available:
            latest[model.name] = available[max(available)]
        self._latest = latest
        self._changed.notify_all()
        self._tell_change()

    # Configuration.

    def _set_config(self, models: tuple[ModelConfig, ...]) -> None:
        with self._changed:
            labels = {model.name: self._checked_labels(model) for model in models if model.labels}
            wanted = {model.name: model for model in models}
            for name in wanted.keys() | self._models.keys():
                model = self._models.setdefault(name, _Model(name))
                if wanted.get(name) != model.config:
                    model.looks = 0
                model.config = wanted.get(name)
            self._labels = labels
            self._logging = {model.name: model.logging for model in models}
            self._changed.notify_all()
            for model in self._models.values():
                if self._started and model.thread is None:
                    model.thread = threading.Thread(
                        target=self._watch, args=(model,), name=f"versions-{model.name}", daemon=True
                    )
                    model.thread.start()
                model.wake.set()
            self._tell_change()

    def logging_of(self, name: str) -> LoggedModel | None:
        """What the configuration of a model says of its request log; None = nothing."""
        return self._logging.get(name)

    def _checked_labels(self, model: ModelConfig) -> dict[str, int]:
        """The labels of a model, each on a version that answers."""
        known = self._models.get(model.name)
        available = known.available() if known else {}
        before = self._labels.get(model.name, {})
        for label, version in model.labels.items():
            is_new = before.get(label, version) == version
            if version not in available and not (self._config.allow_labels_for_unavailable and is_new):
                raise StatusError.of(
                    Status.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {model.name}, which is not currently "
                    "available for inference",
                )
        return dict(model.labels)

    def _failed(self, names: Iterable[str], *, at_once: bool = False) -> str:
        """What keeps models from becoming available; "" while there is hope.

        Args:
          names: The models.
          at_once: Whether one failed attempt or an empty folder is enough.
        """
        reasons = []
        for name in names:
            model = self._models[name]
            if name in self._latest:
                continue
            errors = [version for version in model.versions.values() if version.error]
            over = [version for version in errors if at_once or version.state is State.END]
            if over and len(over) == len(errors):
                reasons += [
                    f"{{name: {name} version: {version.version}}} due to error: {version.error}" for version in over
                ]
            elif at_once and model.looks > 1 and model.trouble:
                reasons.append(f"{{name: {name}}} due to error: {model.trouble}")
        return f"{len(reasons)} model(s) did not become available: {{{', '.join(reasons)}}}" if reasons else ""

    def _tell(self, model: _Model, trouble: str) -> None:
        if trouble and trouble != model.trouble:
            logger.warning("model %s: %s", model.name, trouble)
        model.trouble = trouble
