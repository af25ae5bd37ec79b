"""What the cluster gives each step: image secrets, environment, volumes, processors and memory.

It decides nothing that a run computes, so it stands in a TOML file of its own and not in a preset.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import tomli

from components.errors import InputError
from components.settings import from_mapping, require

EVERY_STEP = "default"
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(K|M|G|T|Ki|Mi|Gi|Ti)?")
_BYTES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resources:
    """What a step asks for; zero or empty: the cluster's own default.

    Attributes:
      cpu: Processors, at most.
      cpu_request: Processors, at least.
      memory: Memory at most, as Kubernetes writes it: `500M`, `16G`, `8Gi`.
      memory_request: Memory at least.
      accelerator: Its name on the cluster, `nvidia.com/gpu` (on Vertex: `NVIDIA_TESLA_T4`).
      accelerators: How many of them.
    """

    cpu: float = 0.0
    cpu_request: float = 0.0
    memory: str = ""
    memory_request: str = ""
    accelerator: str = ""
    accelerators: int = 0

    def __post_init__(self) -> None:
        for name in ("cpu", "cpu_request", "accelerators"):
            require(getattr(self, name) >= 0, f"resources.{name}", "0 or more", getattr(self, name))
        for name in ("memory", "memory_request"):
            text = getattr(self, name)
            require(not text or bool(_QUANTITY.fullmatch(text)), f"resources.{name}", "such as 500M, 16G or 8Gi", text)
        require(
            bool(self.accelerator) == bool(self.accelerators),
            "resources.accelerators",
            "accelerator and accelerators together",
            self.accelerators,
        )

    def spec(self) -> dict[str, Any]:
        """As a PipelineSpec's container has it (memory in gigabytes of 10^9 bytes)."""
        numbers = {
            "cpuLimit": self.cpu,
            "cpuRequest": self.cpu_request,
            "memoryLimit": _gigabytes(self.memory),
            "memoryRequest": _gigabytes(self.memory_request),
        }
        spec: dict[str, Any] = {name: number for name, number in numbers.items() if number}
        if self.accelerators:
            spec["accelerator"] = {"type": self.accelerator, "count": str(self.accelerators)}
        return spec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Secret:
    """A Kubernetes secret that every step sees.

    Attributes:
      name: Of the secret, in the namespace of the runs.
      env: Environment variable by key of the secret.
      mount: Folder in which its keys lie as files; empty: none.
    """

    name: str
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    mount: str = ""

    def __post_init__(self) -> None:
        require(bool(self.env or self.mount), f"secret {self.name}", "`env`, `mount` or both", "neither")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Volume:
    """A PersistentVolumeClaim that every step sees.

    Attributes:
      claim: Its name, in the namespace of the runs.
      mount: Folder at which it is mounted.
    """

    claim: str
    mount: str

    def __post_init__(self) -> None:
        require(self.mount.startswith("/"), f"volume {self.claim}: mount", "an absolute path", self.mount)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deployment:
    """Everything that the cluster gives the steps.

    Attributes:
      pull_secrets: Names of the secrets with which the image is pulled.
      env: Environment variables of every step.
      secrets: Secrets as environment or as files.
      volumes: Claims that are mounted into every step: data, the push destination.
      resources: By step (`RetrievalTrainer`), and `default` for those not named.
    """

    pull_secrets: tuple[str, ...] = ()
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    resources: dict[str, Resources] = dataclasses.field(default_factory=dict)

    def resources_of(self, step: str) -> Resources:
        """What the step asks for."""
        return self.resources.get(step) or self.resources.get(EVERY_STEP) or Resources()

    def check_steps(self, steps: list[str]) -> None:
        """Raises an InputError where resources are given for a step that there is not."""
        unknown = sorted(set(self.resources) - {EVERY_STEP, *steps})
        if unknown:
            raise InputError(
                f"the deployment names resources of steps that the pipeline does not have: {', '.join(unknown)}",
                expected=f"{EVERY_STEP}, " + ", ".join(steps),
                received=", ".join(unknown),
                action="correct the names below [resources]",
            )

    def kubernetes(self) -> dict[str, Any]:
        """Of one step, as kfp-kubernetes' platform document has it; empty where there is nothing to say."""
        config = {
            "imagePullSecret": [{"secretName": name} for name in self.pull_secrets],
            "secretAsEnv": [
                {
                    "secretName": secret.name,
                    "keyToEnv": [{"secretKey": key, "envVar": variable} for key, variable in secret.env.items()],
                }
                for secret in self.secrets
                if secret.env
            ],
            "secretAsVolume": [
                {"secretName": secret.name, "mountPath": secret.mount} for secret in self.secrets if secret.mount
            ],
            "pvcMount": [{"constant": volume.claim, "mountPath": volume.mount} for volume in self.volumes],
        }
        return {name: entries for name, entries in config.items() if entries}


def load_deployment(path: str | Path) -> Deployment:
    """Reads a deployment from a TOML file.

    Raises:
      InputError: No such file, broken TOML, an unknown key or an impossible value.
    """
    try:
        values = tomli.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise InputError(
            f"the deployment {path} cannot be read: {error}",
            expected="a TOML file",
            received=str(path),
            action="correct it; docs/kubeflow.md has an example",
        ) from error
    return from_mapping(Deployment, values)


def _gigabytes(quantity: str) -> float:
    match = _QUANTITY.fullmatch(quantity)
    return float(match[1]) * _BYTES.get(match[2], 1) / 1e9 if match else 0.0
