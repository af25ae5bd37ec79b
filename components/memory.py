"""Memory that nobody needs any more goes back to the system, so that stages of one process do not add up."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator


def settle() -> None:
    """Takes what is there out of the sight of Python's garbage collector.

    Modules stay as long as the process: to look through the 700,000 objects of TensorFlow and TFX takes a third of a
    second each time, and `give_back` does so after each stage.
    """
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Keeps Python's garbage collector away from imports, which leave no garbage: 2 s of 17 for TensorFlow and TFX.

    What was made is looked through once, by `settle`.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def give_back() -> None:
    """Lets go of what Keras remembers of models and of cycles, and of pages that malloc has kept for later.

    What oneDNN's allocator in TensorFlow keeps does not come back by it (docs/scaling.md).
    """
    if "tf_keras" in sys.modules:
        sys.modules["tf_keras"].backend.clear_session()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # glibc's; TFX and ScaNN have no wheels for another C library
