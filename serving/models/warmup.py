"""Warm-up: replays the requests that a bundle brings before the version answers anybody.

The file is TensorFlow Serving's: a TFRecord of PredictionLog in `assets.extra`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving import contract
from serving.calls.from_thread import predict
from serving.errors import InvalidRequestError, StatusError
from serving.models.servable import Servable, tensorflow_errors

logger = logging.getLogger(__name__)

REQUESTS_FILE = "tf_serving_warmup_requests"
MAX_RECORDS = 1000


def warm_up(servable: Servable, iterations: int = 1) -> int:
    """Replays the warm-up requests of a version, if it has some; their number.

    Args:
      servable: The version.
      iterations: How often each one is asked.

    Raises:
      StatusError: The file cannot be read, or the version does not answer one of them.
    """
    path = servable.path / contract.EXTRA_ASSETS / REQUESTS_FILE
    if not path.is_file():
        return 0
    count = 0
    try:
        for count, log in enumerate(_records(path), start=1):
            if count > MAX_RECORDS:
                raise InvalidRequestError(f"Number of warmup records exceeds the maximum ({MAX_RECORDS})")
            kind = log.WhichOneof("log_type")
            if kind != "predict_log":
                logger.warning("%s: a warm-up request of the kind %s is left out", path, kind)
                continue
            for _ in range(iterations):
                predict(servable, log.predict_log.request)
    except StatusError as error:
        raise StatusError.of(error.status, f"warm-up request {count} of {path}: {error.message}") from error
    return count


def _records(path: Path) -> Iterator[Any]:
    with tensorflow_errors():
        for record in tf.compat.v1.io.tf_record_iterator(str(path)):
            log = prediction_log_pb2.PredictionLog()
            try:
                log.ParseFromString(record)
            except Exception:
                raise InvalidRequestError("Failed to parse warmup record") from None
            yield log
