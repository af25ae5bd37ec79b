"""Which models are served: TensorFlow Serving's ModelServerConfig, from a file or a request."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import InvalidRequestError
from serving.request_log.config import LoggedModel, logging_of

PLATFORM = "tensorflow"


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionPolicy:
    """Which of the versions that lie in the folder are served.

    Attributes:
      latest: The newest so many; 0 where another rule holds.
      all: Every one.
      specific: These.
    """

    latest: int = 1
    all: bool = False
    specific: frozenset[int] = frozenset()

    def chosen(self, versions: list[int]) -> list[int]:
        """The versions to serve among these, newest first."""
        newest_first = sorted(versions, reverse=True)
        if self.all:
            return newest_first
        if self.specific:
            return [version for version in newest_first if version in self.specific]
        return newest_first[: max(1, self.latest)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One model.

    Attributes:
      name: Under which it is asked.
      base_path: The folder of its versions.
      policy: Which versions are served.
      labels: Names of versions.
      logging: What is logged of its requests; None = what the server's options say.
    """

    name: str
    base_path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    logging: LoggedModel | None = None


def read_models_config(path: Path) -> tuple[ModelConfig, ...]:
    """The models of a models.config file (a ModelServerConfig in text format).

    Raises:
      InvalidRequestError: It cannot be read or is not one.
    """
    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise InvalidRequestError(f"{path} is not a ModelServerConfig in text format: {error}") from None
    return models_of(config)


def models_of(config: Any) -> tuple[ModelConfig, ...]:
    """The models of a ModelServerConfig.

    Raises:
      InvalidRequestError: It is not a list of models, or one of them cannot be served.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise InvalidRequestError(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
            "supported"
        )
    models: dict[str, ModelConfig] = {}
    for entry in config.model_config_list.config:
        if entry.name in models:
            raise InvalidRequestError(f"Illegal to list model {entry.name} multiple times in config list")
        models[entry.name] = _model(entry)
    return tuple(models.values())


def _model(entry: Any) -> ModelConfig:
    if not entry.name:
        raise InvalidRequestError("A model of the config list has no name")
    if not Path(entry.base_path).is_absolute():
        raise InvalidRequestError(
            f"Expected model {entry.name} to have an absolute path or URI; got base_path()={entry.base_path}"
        )
    if not entry.model_platform and not entry.model_type:
        raise InvalidRequestError(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {entry.name}"
        )
    if entry.model_platform not in ("", PLATFORM):
        raise InvalidRequestError(f"Model {entry.name} requests unsupported platform {entry.model_platform}")
    return ModelConfig(
        name=entry.name,
        base_path=Path(entry.base_path),
        policy=_policy(entry),
        labels=dict(entry.version_labels),
        logging=logging_of(entry.name, entry.logging_config) if entry.HasField("logging_config") else None,
    )


def _policy(entry: Any) -> VersionPolicy:
    policy = entry.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return VersionPolicy(all=True)
    if choice == "specific":
        if not policy.specific.versions:
            raise InvalidRequestError(f"model {entry.name}: model_version_policy.specific names no version")
        return VersionPolicy(specific=frozenset(policy.specific.versions))
    return VersionPolicy(latest=max(1, policy.latest.num_versions))
