"""Keeps the libraries' talk away from the terminal, native code included."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def quiet(log: str | Path = os.devnull) -> Iterator[tuple[TextIO, TextIO]]:
    """Sends everything that libraries write to stdout and stderr into the file `log`.

    Python's own streams and the process's file descriptors 1 and 2 are turned, because TensorFlow,
    ScaNN and gRPC write past Python. A native crash still shows its Python stack on stderr.
    Must be entered before the first import of TensorFlow.

    Yields:
      Streams that still reach the real stdout and stderr.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        sink = Path(log).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115 - loggers keep it beyond the block
        out = stack.enter_context(_duplicate(sys.stdout))
        err = stack.enter_context(_duplicate(sys.stderr))
        for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
            if _descriptor(stream) == descriptor:
                stack.enter_context(_redirected(descriptor, sink.fileno()))
        stack.enter_context(contextlib.redirect_stdout(sink))
        stack.enter_context(contextlib.redirect_stderr(sink))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        if _descriptor(err) is not None:
            faulthandler.enable(file=err)
            stack.callback(faulthandler.disable)
        yield out, err


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # a test's or a notebook's replacement
        return None


@contextlib.contextmanager
def _duplicate(stream: TextIO) -> Iterator[TextIO]:
    descriptor = _descriptor(stream)
    if descriptor is None:
        yield stream
        return
    with os.fdopen(os.dup(descriptor), "w", encoding=stream.encoding, errors="replace", buffering=1) as copy:
        yield copy


@contextlib.contextmanager
def _redirected(descriptor: int, target: int) -> Iterator[None]:
    saved = os.dup(descriptor)
    os.dup2(target, descriptor)
    try:
        yield
    finally:
        os.dup2(saved, descriptor)
        os.close(saved)
