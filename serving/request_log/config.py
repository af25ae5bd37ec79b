"""What is logged of a model, and where: TensorFlow Serving's LoggingConfig, or options of the server."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from serving.errors import InvalidRequestError

FILE_COLLECTORS = ("", "file")
"""Types of LogCollectorConfig that mean files. TensorFlow Serving has no collector of its own, only a place for one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoggedModel:
    """What is logged of one model.

    Attributes:
      prefix: Beginning of the paths of its files.
      sampling_rate: Share of the requests that are logged, from 0 to 1.
    """

    prefix: Path
    sampling_rate: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RequestLogConfig:
    """How requests are logged.

    Attributes:
      default: What holds for models whose configuration has no logging_config; None = they are not logged.
      key_file: Its content is the key under which ids of people are hashed (HMAC-SHA256); None = they are logged as
        they are.
      max_bytes: Size at which a file is closed and the next one begun.
      max_files: Most files of a prefix that are kept, the newest.
    """

    default: LoggedModel | None = None
    key_file: Path | None = None
    max_bytes: int = 64 << 20
    max_files: int = 100


def logged_model(prefix: str, sampling_rate: float, whose: str) -> LoggedModel:
    """What is logged, checked.

    Args:
      prefix: Beginning of the paths of the files, absolute.
      sampling_rate: Share of the requests.
      whose: Who asks for it, for messages.

    Raises:
      InvalidRequestError: It cannot be done so.
    """
    path = Path(prefix)
    if not prefix or prefix.endswith("/") or not path.is_absolute() or not path.parent.is_dir():
        raise InvalidRequestError(
            f"{whose} logs requests to files whose paths begin with `{prefix}`. Expected: an absolute path in a folder "
            "that is there, such as /var/log/recommender/requests"
        )
    if not 0 <= sampling_rate <= 1:
        raise InvalidRequestError(f"{whose} logs a share of {sampling_rate:g} of the requests. Expected: 0 to 1")
    return LoggedModel(prefix=path, sampling_rate=sampling_rate)


def logging_of(name: str, config: Any) -> LoggedModel:
    """What a LoggingConfig of models.config asks for.

    Args:
      name: The model.
      config: tensorflow.serving.LoggingConfig.

    Raises:
      InvalidRequestError: It asks for what cannot be done.
    """
    collector = config.log_collector_config
    whose = f"The logging_config of model {name}"
    if collector.type not in FILE_COLLECTORS:
        raise InvalidRequestError(f'{whose} names the collector "{collector.type}". Expected: "file"')
    if not config.HasField("sampling_config"):
        raise InvalidRequestError(
            f"{whose} has no sampling_config, and nothing would be logged. Expected: sampling_config {{ sampling_rate: "
            "1.0 }}, the share of requests that are logged"
        )
    return logged_model(collector.filename_prefix, config.sampling_config.sampling_rate, whose)
