"""Work in processes of its own: what libraries keep of their memory ends with it, and so does a native crash."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import multiprocessing
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from components.causes import cause_of
from components.memory import give_back
from components.progress import LOGGER

ROWS_AT_ONCE = 2_000_000
"""Most rows with which two works are done at the same time: above, each fills the cores, and memory would add up."""

_PR_SET_PDEATHSIG = 1
_SECONDS_TO_END = 10.0
_forking = multiprocessing.get_context("fork")


class ProcessEndedError(RuntimeError):
    """A process ended before its work: it crashed, or something has killed it."""


class _TracebackThereError(Exception):
    """The traceback of an error in the process where it happened, as text."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


def are_possible() -> bool:
    """Whether this process may make some: it has one thread, and has not used TensorFlow.

    A fork has the one thread that asked for it; a lock that another held stays closed in it for ever. Python does not
    count TensorFlow's own threads.
    """
    tensorflow = sys.modules.get("tensorflow.python.eager.context")
    return threading.active_count() == 1 and (tensorflow is None or tensorflow.context()._context_handle is None)


def is_own() -> bool:
    """Whether this process is one that `together` has made, and may therefore make others before it uses TensorFlow."""
    return isinstance(_forking.current_process(), _Child)


def run(works: Sequence[Callable[[], Any]], *, at_once: bool) -> list[Any]:
    """Calls each in a process of its own where this one may make some (`is_own`), else one after the other here.

    Args:
      works: What to call.
      at_once: Whether they may work at the same time, which takes the memory of all of them.
    """
    if not is_own():
        return [_here(work) for work in works]
    return together(works) if at_once else [together([work])[0] for work in works]


def _here(work: Callable[[], Any]) -> Any:
    result = work()
    give_back()
    return result


def together(
    works: Sequence[Callable[[], Any]], while_waiting: Callable[[], AbstractContextManager[Any]] = nullcontext
) -> list[Any]:
    """Calls each in a fork of this process, all at the same time, and returns what they return.

    Only for a process in which TensorFlow has been imported and not used: its threads are not there in a fork. Lines
    of progress appear here; an error comes here with its causes.

    Args:
      works: What to call; results are pickled.
      while_waiting: Surrounds the time in which there is nothing to do here.

    Raises:
      ProcessEndedError: A process ended before its work.
      Exception: What a work has raised; the others are ended then.
    """
    children: dict[Any, _Child] = {}
    results: dict[Any, Any] = {}
    try:
        for work in works:
            receiving, sending = _forking.Pipe(duplex=False)
            children[receiving] = _Child(work, sending)
            children[receiving].start()
            sending.close()  # before the next fork, which would keep it open beyond its owner's end
        while waiting := [end for end in children if end not in results]:
            with while_waiting():
                heard = wait(waiting)
            for end in heard:
                _hear(children[end], end, results)
        for child in children.values():
            child.join()
    finally:
        for end, child in children.items():
            _end(child)
            end.close()
    return [results[end] for end in children]


class _Child(_forking.Process):  # type: ignore[name-defined,misc]
    """A process that says over a pipe what its work reports, returns or raises."""

    def __init__(self, work: Callable[[], Any], sending: Connection) -> None:
        super().__init__()
        self._work = work
        self._sending = sending

    def run(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # nobody writes on when the run itself was killed
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one ends the others
        signal.signal(signal.SIGTERM, _stop)
        LOGGER.handlers[:] = [_Sender(self._sending)]
        try:
            self._sending.send(("result", self._work()))
        except Exception as error:
            self._sending.send(("error", _chain(error), traceback.format_exc()))
        except KeyboardInterrupt:  # by `_stop`: folders made for a while are gone now
            pass


class _Sender(logging.Handler):
    """Hands lines of progress on."""

    def __init__(self, sending: Connection) -> None:
        super().__init__(logging.INFO)
        self._sending = sending

    def emit(self, record: logging.LogRecord) -> None:
        self._sending.send(("progress", record.levelno, record.getMessage()))


def end_all() -> None:
    """Asks every process that this one has made to end; whoever waits for one is told so by a `ProcessEndedError`."""
    children = _forking.active_children()
    for child in children:
        child.terminate()
    for child in children:
        _end(child)


def _stop(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def _hear(child: BaseProcess, end: Any, results: dict[Any, Any]) -> None:
    """Takes one message."""
    try:
        kind, *content = end.recv()
    except EOFError:
        child.join()
        raise ProcessEndedError(_how_ended(child.exitcode or 0)) from None
    if kind == "progress":
        LOGGER.log(content[0], "%s", content[1])
    elif kind == "result":
        (results[end],) = content
    else:
        raise _linked(*content)


def _how_ended(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the system has killed its process, which is what happens when memory is short (see docs/scaling.md)"
    return f"its process ended with {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"


def _end(child: BaseProcess) -> None:
    """Ends a process that still works, by asking before killing."""
    if child.pid is not None and child.is_alive():
        child.terminate()
        child.join(_SECONDS_TO_END)
        if child.is_alive():
            child.kill()
            child.join()


def _chain(error: BaseException) -> list[BaseException]:
    """An error and its causes, each by itself, for a pickled error forgets its cause."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 20:
        chain.append(_sendable(cause))
        cause = cause.__cause__ or cause.__context__
    return chain


def _sendable(error: BaseException) -> BaseException:
    """The error without its causes, or its words where it cannot be pickled."""
    with contextlib.suppress(Exception):
        copy = pickle.loads(pickle.dumps(error))
        if isinstance(copy, BaseException) and str(copy) == str(error):
            return copy
    return RuntimeError(cause_of(error))


def _linked(chain: Sequence[BaseException], there: str) -> BaseException:
    """The first error of a chain, with its causes and the traceback behind the last."""
    for error, cause in zip(chain, [*chain[1:], _TracebackThereError(there)], strict=True):
        error.__cause__ = cause
    return chain[0]
