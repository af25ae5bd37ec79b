"""ScaNN's operations, which TensorFlow must know before it loads a SavedModel that uses them.

A bundle with an exact index uses none, and then ScaNN need not be installed.
"""

from __future__ import annotations

import os

from serving.contract import SAVED_MODEL_FILE


class MissingScannError(ImportError):
    """A SavedModel needs ScaNN's operations, and they cannot be had here."""


def load_operations(path: str | os.PathLike[str]) -> None:
    """Registers ScaNN's operations if the SavedModel in a folder uses them.

    Args:
      path: The folder of the SavedModel, of any file system that TensorFlow opens.

    Raises:
      MissingScannError: It uses them, and ScaNN is not installed or not built for this TensorFlow.
    """
    import tensorflow as tf

    graphs = tf.io.gfile.glob(f"{os.fspath(path)}/{SAVED_MODEL_FILE}*")  # or .pbtxt
    if not any(b"Scann>" in tf.io.gfile.GFile(graph, "rb").read() for graph in graphs):
        return
    try:
        from scann.scann_ops.py import scann_ops  # noqa: F401 - the import registers them
    except ImportError as error:
        raise MissingScannError(
            f"{path} has a ScaNN index and the package scann is not installed: {error}. What to do: "
            "pip install 'tfx-recommenders[serving]', or export the bundle with an exact index (recommender export)"
        ) from error
    except tf.errors.OpError as error:
        raise MissingScannError(
            f"{path} has a ScaNN index and the package scann is not built for TensorFlow {tf.__version__}: "
            f"{error.message}. What to do: install the TensorFlow that it is built for (pip install 'scann[tf]')"
        ) from error
