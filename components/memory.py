"""Memory that nobody needs any more goes back to the system, so that stages of one process do not add up."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Lets go of what Keras remembers of models and of cycles, and of pages that malloc has kept for later.

    What oneDNN's allocator in TensorFlow keeps does not come back by it (docs/scaling.md).
    """
    if "tf_keras" in sys.modules:
        sys.modules["tf_keras"].backend.clear_session()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # glibc's; TFX and ScaNN have no wheels for another C library
