"""What the cluster gives the steps: image secrets, environment, volumes, nodes, processors and memory, retries.

It decides nothing that a run computes, so it stands in a TOML file of its own and not in a preset.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import tomli

from components.errors import InputError
from components.settings import Listed, Natural, Weight, between, from_mapping, one_of, require, settings, that
from pipelines.kubeflow.store import PROVIDERS_VARIABLE

EVERY_STEP = "default"
PULL_POLICIES = ("", "Always", "IfNotPresent", "Never")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(K|M|G|T|Ki|Mi|Gi|Ti)?")
Quantity = Annotated[str, that(lambda text: not text or _QUANTITY.fullmatch(text), "such as 500M, 16G or 8Gi")]
_BYTES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@settings()
class Toleration:
    """A taint of nodes that a step takes no notice of, in Kubernetes' own terms.

    Attributes:
      key: Of the taint.
      operator: `Equal` or `Exists`.
      value: Of the taint.
      effect: `NoSchedule`, `PreferNoSchedule` or `NoExecute`; empty: all of them.
    """

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@settings()
class Affinity:
    """Labels of the nodes that a step runs on.

    Attributes:
      key: Of the label.
      operator: `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
      values: Of the label.
      weight: 0: the step runs on no other node; 1 to 100: it would rather run on these.
    """

    key: str
    operator: Annotated[str, one_of(*OPERATORS)] = "In"
    values: Listed[str] = ()
    weight: Annotated[int, between(0, 100)] = 0


@settings()
class Step:
    """What a step asks for; zero or empty: the cluster's own default.

    Attributes:
      cpu: Processors, at most.
      cpu_request: Processors, at least.
      memory: Memory at most, as Kubernetes writes it: `500M`, `16G`, `8Gi`.
      memory_request: Memory at least.
      accelerator: Its name on the cluster, `nvidia.com/gpu` (on Vertex: `NVIDIA_TESLA_T4`).
      accelerators: How many of them.
      node_selector: Labels that a node must have.
      affinity: The same with operators and weights.
      tolerations: Taints of nodes that do not keep the step away.
      labels: Of the step's pod.
      annotations: Of the step's pod.
      retries: How often a step that failed is launched again.
      retry_seconds: How long to wait before that; twice as long each time.
      deadline_seconds: After so long a step is ended; 0: never.
    """

    cpu: Weight = 0.0
    cpu_request: Weight = 0.0
    memory: Quantity = ""
    memory_request: Quantity = ""
    accelerator: str = ""
    accelerators: Natural = 0
    node_selector: dict[str, str] = dataclasses.field(default_factory=dict)
    affinity: tuple[Affinity, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    annotations: dict[str, str] = dataclasses.field(default_factory=dict)
    retries: Natural = 0
    retry_seconds: Natural = 30
    deadline_seconds: Natural = 0

    def __post_init__(self) -> None:
        require(
            bool(self.accelerator) == bool(self.accelerators),
            "steps.accelerators",
            "accelerator and accelerators together",
            self.accelerators,
        )

    def resources(self) -> dict[str, Any]:
        """The resources as a container has them on Kubeflow: quantities of Kubernetes."""
        quantities = {
            "resourceCpuLimit": f"{self.cpu:g}" if self.cpu else "",
            "resourceCpuRequest": f"{self.cpu_request:g}" if self.cpu_request else "",
            "resourceMemoryLimit": self.memory,
            "resourceMemoryRequest": self.memory_request,
        }
        found: dict[str, Any] = {name: quantity for name, quantity in quantities.items() if quantity}
        if self.accelerators:
            found["accelerator"] = {"resourceType": self.accelerator, "resourceCount": str(self.accelerators)}
        return found

    def vertex_resources(self) -> dict[str, Any]:
        """The resources as a container has them on Vertex AI: numbers, memory in gigabytes of 10^9 bytes."""
        numbers = {
            "cpuLimit": self.cpu,
            "cpuRequest": self.cpu_request,
            "memoryLimit": _gigabytes(self.memory),
            "memoryRequest": _gigabytes(self.memory_request),
        }
        found: dict[str, Any] = {name: number for name, number in numbers.items() if number}
        if self.accelerators:
            found["accelerator"] = {"type": self.accelerator, "count": str(self.accelerators)}
        return found

    def retry_policy(self) -> dict[str, Any]:
        """The retry policy as a task has it; empty without retries."""
        if not self.retries:
            return {}
        return {"maxRetryCount": self.retries, "backoffDuration": f"{self.retry_seconds}s", "backoffFactor": 2.0}

    def kubernetes(self) -> dict[str, Any]:
        """What of it stands in kfp-kubernetes' platform document."""
        metadata = {name: dict(getattr(self, name)) for name in ("labels", "annotations") if getattr(self, name)}
        config = {
            "nodeSelector": {"labels": dict(self.node_selector)} if self.node_selector else {},
            "nodeAffinity": [
                {
                    "matchExpressions": [
                        {
                            "key": one.key,
                            "operator": one.operator,
                            **({"values": list(one.values)} if one.values else {}),
                        }
                    ],
                    **({"weight": one.weight} if one.weight else {}),
                }
                for one in self.affinity
            ],
            "tolerations": [
                {name: value for name, value in dataclasses.asdict(one).items() if value} for one in self.tolerations
            ],
            "podMetadata": metadata,
            "activeDeadlineSeconds": str(self.deadline_seconds) if self.deadline_seconds else "",
        }
        return {name: entry for name, entry in config.items() if entry}


@settings()
class Keys:
    """A Kubernetes secret or a ConfigMap, in the namespace of the runs.

    Attributes:
      name: Its name.
      env: Environment variable by key.
      mount: Folder in which its keys lie as files; empty: none.
      steps: Which steps see it; empty: all.
      optional: Whether steps run without it where there is none.
    """

    name: str
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    mount: str = ""
    steps: Listed[str] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        require(bool(self.env or self.mount), self.name, "`env`, `mount` or both", "neither")


@settings()
class Volume:
    """A PersistentVolumeClaim.

    Attributes:
      claim: Its name, in the namespace of the runs.
      mount: Folder at which it is mounted.
      steps: Which steps see it; empty: all.
    """

    claim: str
    mount: Annotated[str, that(lambda path: path.startswith("/"), "an absolute path")]
    steps: Listed[str] = ()


@settings()
class Deployment:
    """Everything that the cluster gives the steps.

    Attributes:
      pull_secrets: Names of the secrets with which the image is pulled.
      pull_policy: When the image is pulled: `Always`, `IfNotPresent`, `Never`; empty: the cluster's default.
      env: Environment variables of every step.
      secrets: Secrets as environment or as files.
      config_maps: ConfigMaps likewise.
      volumes: Claims that are mounted: data, the push destination.
      steps: What each step asks for, by its name (`RetrievalTrainer`), and `default` for those not named.
    """

    pull_secrets: Listed[str] = ()
    pull_policy: Annotated[str, one_of(*PULL_POLICIES)] = ""
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    secrets: tuple[Keys, ...] = ()
    config_maps: tuple[Keys, ...] = ()
    volumes: tuple[Volume, ...] = ()
    steps: dict[str, Step] = dataclasses.field(default_factory=dict)

    def step(self, name: str) -> Step:
        """What the step asks for."""
        return self.steps.get(name) or self.steps.get(EVERY_STEP) or Step()

    def check_steps(self, names: list[str]) -> None:
        """Raises an InputError where something is given to a step that there is not."""
        mounted: list[Keys | Volume] = [*self.secrets, *self.config_maps, *self.volumes]
        named = {*self.steps, *(step for one in mounted for step in one.steps)}
        unknown = sorted(named - {EVERY_STEP, *names})
        if unknown:
            raise InputError(
                f"the deployment names steps that the pipeline does not have: {', '.join(unknown)}",
                expected=f"{EVERY_STEP}, " + ", ".join(names),
                received=", ".join(unknown),
                action="correct the names below [steps], and in `steps` of secrets, config maps and volumes",
            )

    def sets(self, variable: str, step: str) -> bool:
        """Whether the step has an environment variable from here."""
        sources = (*self.secrets, *self.config_maps)
        return variable in self.env or any(variable in one.env.values() for one in sources if _sees(step, one))

    def mounts(self, path: str, step: str) -> bool:
        """Whether a volume that the step sees holds the path."""
        return any(PurePosixPath(path).is_relative_to(one.mount) for one in self.volumes if _sees(step, one))

    def gives_alike(self, step: str, other: str) -> bool:
        """Whether the step sees every secret, config map and volume that the other sees."""
        mounted: list[Keys | Volume] = [*self.secrets, *self.config_maps, *self.volumes]
        return all(_sees(step, one) for one in mounted if _sees(other, one))

    def beyond_vertex(self) -> list[str]:
        """Keys that Vertex AI has nothing for."""
        whole = ("pull_secrets", "pull_policy", "secrets", "config_maps", "volumes")
        of_steps = ("node_selector", "affinity", "tolerations", "labels", "annotations", "deadline_seconds")
        found = [name for name in whole if getattr(self, name)]
        found += [f"steps.{step}.{name}" for step, one in self.steps.items() for name in of_steps if getattr(one, name)]
        found += [
            f"steps.{step}.accelerator = {one.accelerator}"
            for step, one in self.steps.items()
            if "/" in one.accelerator
        ]
        return found

    def kubernetes(self, step: str) -> dict[str, Any]:
        """A step's part of kfp-kubernetes' platform document; empty where there is nothing to say."""
        config: dict[str, Any] = {
            "imagePullSecret": [{"secretNameParameter": _constant(name)} for name in self.pull_secrets],
            "imagePullPolicy": self.pull_policy,
            "secretAsEnv": _as_env(self.secrets, step, "secretNameParameter", "secretKey"),
            "secretAsVolume": _as_volume(self.secrets, step, "secretNameParameter"),
            "configMapAsEnv": _as_env(self.config_maps, step, "configMapNameParameter", "configMapKey"),
            "configMapAsVolume": _as_volume(self.config_maps, step, "configMapNameParameter"),
            "pvcMount": [
                {"pvcNameParameter": _constant(volume.claim), "mountPath": volume.mount}
                for volume in self.volumes
                if _sees(step, volume)
            ],
            **self.step(step).kubernetes(),
        }
        return {name: entries for name, entries in config.items() if entries}


OPEN_THE_PLACE = ("ExampleGen", "DataGate", "StartingModel", "ServedModel", "Pusher", "BatchScorer")
"""Steps that open the push destination: to see whether it can be written, to read what is served, to push, to score."""

KUBEFLOWS_SECRET = Keys(
    name="mlpipeline-minio-artifact",
    env={"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"},
    optional=True,
)
"""The secret of the store that Kubeflow Pipelines brings along."""

KUBEFLOWS_SETTINGS = Keys(name="kfp-launcher", env={"providers": PROVIDERS_VARIABLE}, optional=True)
"""Kubeflow's own settings of its stores, in the namespace of the runs; a standalone installation has none of them."""


def with_kubeflows_store(deployment: Deployment, place: str) -> Deployment:
    """The deployment, with what a step needs to open a store of Kubeflow's, where it does not say so itself.

    Args:
      deployment: Of the pipeline.
      place: Where versions are pushed.
    """
    scheme = place.partition("://")[0]
    secrets = _for_steps_without(deployment, KUBEFLOWS_SECRET, KUBEFLOWS_SECRET.env.values())
    settings = _for_steps_without(deployment, KUBEFLOWS_SETTINGS, ("AWS_ENDPOINT_URL",))
    return dataclasses.replace(
        deployment,
        secrets=(*deployment.secrets, *(secrets if scheme == "minio" else ())),
        config_maps=(*deployment.config_maps, *(settings if scheme in ("minio", "s3") else ())),
    )


def _for_steps_without(deployment: Deployment, keys: Keys, variables: Iterable[str]) -> tuple[Keys, ...]:
    """The keys for those steps that open the push destination and lack one of the variables."""
    steps = tuple(step for step in OPEN_THE_PLACE if not all(deployment.sets(name, step) for name in variables))
    return (dataclasses.replace(keys, steps=steps),) if steps else ()


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


def _sees(step: str, one: Keys | Volume) -> bool:
    return not one.steps or step in one.steps


def _as_env(sources: Sequence[Keys], step: str, name: str, key: str) -> list[dict[str, Any]]:
    return [
        {
            name: _constant(one.name),
            "keyToEnv": [{key: entry, "envVar": variable} for entry, variable in one.env.items()],
            **({"optional": True} if one.optional else {}),
        }
        for one in sources
        if one.env and _sees(step, one)
    ]


def _as_volume(sources: Sequence[Keys], step: str, name: str) -> list[dict[str, Any]]:
    return [
        {name: _constant(one.name), "mountPath": one.mount, **({"optional": True} if one.optional else {})}
        for one in sources
        if one.mount and _sees(step, one)
    ]


def _constant(text: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": text}}


def _gigabytes(quantity: str) -> float:
    match = _QUANTITY.fullmatch(quantity)
    return float(match[1]) * _BYTES.get(match[2], 1) / 1e9 if match else 0.0
