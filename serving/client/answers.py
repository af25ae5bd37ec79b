"""What a client hands back beside items: the state of a model, its signatures, its configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

AVAILABLE = "AVAILABLE"


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionStatus:
    """One version of a model.

    Attributes:
      version: Its number.
      state: `START`, `LOADING`, `AVAILABLE`, `UNLOADING` or `END`.
      error_code: `OK`, or why it could not be loaded.
      error_message: The same in words.
    """

    version: int
    state: str
    error_code: str = "OK"
    error_message: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """One input or output.

    Attributes:
      dtype: TensorFlow's name, for instance `DT_STRING`.
      shape: Sizes, -1 = any; None where the rank is unknown.
    """

    dtype: str
    shape: tuple[int, ...] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignatureInfo:
    """Inputs and outputs of a signature by name."""

    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """A loaded version and what it can be asked.

    Attributes:
      name: The model's name on the server.
      version: Which version described itself.
      signatures: By name.
    """

    name: str
    version: int
    signatures: Mapping[str, SignatureInfo]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelToServe:
    """A model that a server is to serve.

    Attributes:
      name: Its name on the server.
      base_path: The folder of versions, as the server sees it.
      versions: These versions; none = the newest one.
      labels: Version by label; a label needs a version that is loaded.
    """

    name: str
    base_path: str
    versions: tuple[int, ...] = ()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
