"""Runs a compiled pipeline without a cluster: every step by its very container command, one after the other.

It stands for Kubeflow's driver and launcher and keeps to what they do, where that is awkward too:

- Input artifacts arrive with an empty type; addresses are those of the bucket. There is one output more, for the log.
- A step sees the bucket only as files under its mount, with its own inputs; what it wrote there under its
  outputs is copied into the bucket, and the mounts are emptied before the next step.
- The output file is parsed strictly, null metadata fail the step, integers come back as 7.0.
- A parameter without a default needs an argument, and drivers of TFX are never called.
- A step sees the secrets and ConfigMaps that the platform document gives it as environment, and no others; one that is
  not there keeps its pod from starting, unless it is optional.

    python -m tests.pipelines.kubeflow.launcher pipeline.yaml FOLDER [--only STEP]… [--param NAME=VALUE]…
        [--in-docker IMAGE]

Every step runs in a process of its own that inherits nothing of this one's environment.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

LOG = "executor-logs"
MOUNTS = {"gs": "gcs", "s3": "s3", "minio": "minio"}
ANY_USER = os.getuid() or 12345  # whom the image does not know, and to whom the folders can be given
STEP_SECONDS = 900


@dataclasses.dataclass(frozen=True)
class Artifact:
    """What the metadata store keeps of an artifact."""

    name: str
    uri: str
    metadata: Mapping[str, Any]

    def as_input(self) -> dict[str, Any]:
        # All releases of Kubeflow Pipelines 2 leave the type out.
        return {
            "name": self.name,
            "type": {"instanceSchema": ""},
            "uri": self.uri,
            "metadata": _as_numbers(self.metadata),
        }


@dataclasses.dataclass(frozen=True)
class StepDone:
    """A step that ended well."""

    outputs: Mapping[str, Artifact]
    seconds: float
    log: str


class StepFailedError(Exception):
    """A step ended badly, or handed over what Kubeflow refuses."""


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Objects by address, kept in a folder that no step sees."""

    folder: Path

    def path(self, uri: str) -> Path:
        scheme, _, key = uri.partition("://")
        return self.folder / scheme / key

    def download(self, uri: str, target: Path) -> None:
        if self.path(uri).is_dir():
            shutil.copytree(self.path(uri), target, dirs_exist_ok=True)
        elif self.path(uri).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.path(uri), target)

    def upload(self, source: Path, uri: str) -> None:
        if source.is_dir():
            shutil.copytree(source, self.path(uri), dirs_exist_ok=True)
        elif source.exists():
            self.path(uri).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, self.path(uri))


class Subprocesses:
    """Runs a step's command on this machine, with the environment of the image."""

    def __init__(self, mount_root: Path, volumes: Mapping[str, Path] | None = None) -> None:
        del volumes  # absolute paths are the same inside and outside
        self.mount_root = mount_root

    def run(
        self, container: Mapping[str, Any], arguments: Sequence[str], scratch: Path, given: Mapping[str, str]
    ) -> subprocess.CompletedProcess:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "RECOMMENDER_MOUNT_ROOT": str(self.mount_root),
            **{one["name"]: one["value"] for one in container.get("env", [])},
            **given,
        }
        return subprocess.run(
            [*container.get("command", []), *arguments],
            env=environment,
            cwd=scratch,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
        )

    def output_file(self, scratch: Path) -> tuple[str, Path]:
        path = scratch / "kfp_outputs" / "output_metadata.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path), path


class Containers:
    """Runs a step's command in a container of the image, as any user, without a network."""

    def __init__(self, mount_root: Path, volumes: Mapping[str, Path] | None = None) -> None:
        self.mount_root = mount_root
        self.volumes = dict(volumes or {})

    def run(
        self, container: Mapping[str, Any], arguments: Sequence[str], scratch: Path, given: Mapping[str, str]
    ) -> subprocess.CompletedProcess:
        for folder in [*(self.mount_root / name for name in MOUNTS.values()), scratch, *self.volumes.values()]:
            folder.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            for folder, _, files in os.walk(self.mount_root):
                for path in [folder, *(f"{folder}/{name}" for name in files)]:
                    os.chown(path, ANY_USER, 0)
            for path in [scratch, scratch / "kfp_outputs", *self.volumes.values()]:
                os.chown(path, ANY_USER, 0)
        mounts = {f"/{name}": self.mount_root / name for name in MOUNTS.values()}
        mounts |= {"/tmp/kfp_outputs": scratch / "kfp_outputs", **self.volumes}
        command = list(container["command"])
        docker = ["docker", "run", "--rm", "--network", "none", "--user", f"{ANY_USER}:0"]
        for inside, outside in mounts.items():
            docker += ["--volume", f"{outside}:{inside}"]
        for name, value in {**{one["name"]: one["value"] for one in container.get("env", [])}, **given}.items():
            docker += ["--env", f"{name}={value}"]
        return subprocess.run(
            [*docker, "--entrypoint", command[0], container["image"], *command[1:], *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
        )

    def output_file(self, scratch: Path) -> tuple[str, Path]:
        folder = scratch / "kfp_outputs"
        folder.mkdir(parents=True, exist_ok=True)
        return "/tmp/kfp_outputs/output_metadata.json", folder / "output_metadata.json"


class Launcher:
    """One run of a compiled pipeline.

    Args:
      spec: The PipelineSpec.
      folder: Everything goes below: `bucket/`, `mounts/`, `logs/`.
      arguments: Values of the run's parameters.
      pipeline_root: Address below which artifacts go; None: that of the spec.
      containers: Whether the steps run in containers of their image instead of as subprocesses.
      volumes: Of the containers: outside folder by mount path.
      platform: The document behind the PipelineSpec, which gives the steps keys of secrets and ConfigMaps.
      cluster: The secrets and ConfigMaps that there are: values by key, by name.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        folder: Path,
        *,
        arguments: Mapping[str, Any] | None = None,
        pipeline_root: str | None = None,
        containers: bool = False,
        volumes: Mapping[str, Path] | None = None,
        platform: Mapping[str, Any] | None = None,
        cluster: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._given = (platform or {}).get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {})
        self._cluster = cluster or {}
        self._spec = spec
        self._folder = folder
        self._root = (pipeline_root or spec["defaultPipelineRoot"]).rstrip("/")
        self._engine = (Containers if containers else Subprocesses)(folder / "mounts", volumes)
        self._values = _run_values(spec["root"].get("inputDefinitions", {}).get("parameters", {}), arguments or {})
        self.bucket = Bucket(folder / "bucket")
        self.done: dict[str, StepDone] = self._recorded()
        self._run = self._folder.name

    def run(self, only: Sequence[str] | None = None) -> dict[str, StepDone]:
        """Runs the steps in order; with `only` no more than those."""
        for name in in_order(self._spec["root"]["dag"]["tasks"]):
            if name not in self.done and (only is None or name in only):
                self.done[name] = self._run_step(name)
                record = {step: dataclasses.asdict(done) for step, done in self.done.items()}
                self._record.parent.mkdir(parents=True, exist_ok=True)
                self._record.write_text(json.dumps(record), encoding="utf-8")
        return self.done

    @property
    def _record(self) -> Path:
        return self._folder / "done.json"

    def _recorded(self) -> dict[str, StepDone]:
        """Steps that an earlier run in this folder has done: it goes on where that one stopped."""
        if not self._record.exists():
            return {}
        record = json.loads(self._record.read_text(encoding="utf-8"))
        return {
            step: StepDone({key: Artifact(**one) for key, one in done["outputs"].items()}, done["seconds"], done["log"])
            for step, done in record.items()
        }

    def _run_step(self, name: str) -> StepDone:
        start = time.monotonic()
        task = self._spec["root"]["dag"]["tasks"][name]
        component = self._spec["components"][task["componentRef"]["name"]]
        executor = self._spec["deploymentSpec"]["executors"][component["executorLabel"]]
        values = dict(self._task_values(task))
        if "importer" in executor:
            outputs = _imported(executor["importer"], component, values)
            return StepDone(outputs, time.monotonic() - start, "")
        shutil.rmtree(self._folder / "mounts", ignore_errors=True)
        scratch = self._folder / "scratch" / name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        stated, output_file = self._engine.output_file(scratch)
        invocation = {
            "inputs": {
                "parameterValues": _as_numbers(values),
                "artifacts": {
                    key: {"artifacts": [artifact.as_input()]} for key, artifact in self._inputs(task).items()
                },
            },
            "outputs": {
                "artifacts": self._provision(name, component),
                "outputFile": stated,
            },
        }
        for artifact in self._inputs(task).values():
            self.bucket.download(artifact.uri, self._mounted(artifact.uri))
        for entry in invocation["outputs"]["artifacts"].values():
            self._mounted(entry["artifacts"][0]["uri"]).parent.mkdir(parents=True, exist_ok=True)
        container = executor["container"]
        arguments = [argument.replace("{{$}}", json.dumps(invocation)) for argument in container.get("args", [])]
        ended = self._engine.run(container, arguments, scratch, self._environment(component["executorLabel"]))
        log = self._folder / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(ended.stdout, encoding="utf-8")
        if ended.returncode:
            raise StepFailedError(f"{name} ended with {ended.returncode}:\n{ended.stdout[-4000:]}")
        provisioned = invocation["outputs"]["artifacts"]
        self._mounted(provisioned[LOG]["artifacts"][0]["uri"]).write_text(ended.stdout, encoding="utf-8")
        outputs = self._collect(name, provisioned, output_file)
        return StepDone(outputs, time.monotonic() - start, ended.stdout)

    def _environment(self, label: str) -> dict[str, str]:
        """What the platform document gives a step as environment, of what there is in the cluster."""
        given = self._given.get("executors", {}).get(label, {})
        found = {}
        for kind, name, key in (
            ("secretAsEnv", "secretNameParameter", "secretKey"),
            ("configMapAsEnv", "configMapNameParameter", "configMapKey"),
        ):
            for source in given.get(kind, []):
                values = self._cluster.get(source[name]["runtimeValue"]["constant"], {})
                for entry in source["keyToEnv"]:
                    if entry[key] in values:
                        found[entry["envVar"]] = values[entry[key]]
                    elif not source.get("optional"):
                        raise StepFailedError(
                            f"{label}: CreateContainerConfigError: {source[name]} has no {entry[key]}"
                        )
        return found

    def _task_values(self, task: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, source in task.get("inputs", {}).get("parameters", {}).items():
            if "componentInputParameter" in source:
                yield name, self._values[source["componentInputParameter"]]
            else:
                yield name, source["runtimeValue"]["constant"]

    def _inputs(self, task: Mapping[str, Any]) -> dict[str, Artifact]:
        found = {}
        for key, source in task.get("inputs", {}).get("artifacts", {}).items():
            produced = source["taskOutputArtifact"]
            found[key] = self.done[produced["producerTask"]].outputs[produced["outputArtifactKey"]]
        return found

    def _provision(self, name: str, component: Mapping[str, Any]) -> dict[str, Any]:
        pipeline = self._spec["pipelineInfo"]["name"]
        execution = uuid.uuid4().hex
        definitions = component.get("outputDefinitions", {}).get("artifacts", {})
        definitions = {**definitions, LOG: {"artifactType": {"schemaTitle": "system.Artifact"}}}
        return {
            key: {
                "artifacts": [
                    {
                        "name": key,
                        "type": definition["artifactType"],
                        "uri": f"{self._root}/{pipeline}/{self._run}/{name}/{execution}/{key}",
                        "metadata": definition.get("metadata", {}),
                    }
                ]
            }
            for key, definition in definitions.items()
        }

    def _collect(self, name: str, provisioned: Mapping[str, Any], output_file: Path) -> dict[str, Artifact]:
        output = pipeline_spec_pb2.ExecutorOutput()
        if output_file.exists():
            json_format.Parse(output_file.read_text(encoding="utf-8"), output)  # strict, as the launcher is
        written = json_format.MessageToDict(output).get("artifacts", {})
        outputs = {}
        for key, entry in provisioned.items():
            (artifact,) = entry["artifacts"]
            (produced,) = written.get(key, {}).get("artifacts", [{}])
            uri = produced.get("uri") or artifact["uri"]
            metadata = {**artifact["metadata"], **produced.get("metadata", {})}
            if not uri.startswith(self._root + "/"):
                raise StepFailedError(f"{name}: {key} lies outside the pipeline root: {uri}")
            for field, value in metadata.items():
                if value is None or isinstance(value, list):
                    raise StepFailedError(f"{name}: {key}: Kubeflow keeps no such metadata: {field}={value!r}")
            self.bucket.upload(self._mounted(uri), uri)
            outputs[key] = Artifact(produced.get("name", key), uri, metadata)
        return outputs

    def _mounted(self, uri: str) -> Path:
        scheme, _, key = uri.partition("://")
        return self._folder / "mounts" / MOUNTS[scheme] / key


def in_order(tasks: Mapping[str, Any]) -> list[str]:
    """Names of the tasks, each after those that it depends on."""
    order: list[str] = []
    while len(order) < len(tasks):
        ready = [
            name
            for name, task in tasks.items()
            if name not in order and all(before in order for before in task.get("dependentTasks", []))
        ]
        if not ready:
            raise StepFailedError("sorting failed: invalid dependency use")
        order += sorted(ready)
    return order


def _run_values(definitions: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: one["defaultValue"] for name, one in definitions.items() if "defaultValue" in one}
    values |= arguments
    for name in definitions:
        if name not in values:
            raise StepFailedError(
                f"parameter {name} is not optional, yet has neither default value nor user provided value"
            )
    unknown = set(arguments) - set(definitions)
    if unknown:
        raise StepFailedError(f"unknown parameters: {unknown}")
    return values


def _imported(
    importer: Mapping[str, Any], component: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Artifact]:
    place = importer["artifactUri"]
    uri = place["constant"] if "constant" in place else values[place["runtimeParameter"]]
    (key,) = component["outputDefinitions"]["artifacts"]
    return {key: Artifact(key, uri, _as_numbers(importer.get("metadata", {})))}


def _as_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Kubeflow knows one kind of number: 7 becomes 7.0."""
    whole = {name for name, value in values.items() if isinstance(value, int) and not isinstance(value, bool)}
    return {name: float(value) if name in whole else value for name, value in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=JSON")
    parser.add_argument("--volume", action="append", default=[], metavar="OUTSIDE:INSIDE")
    parser.add_argument("--in-docker", metavar="IMAGE")
    options = parser.parse_args()
    spec = next(yaml.safe_load_all(options.pipeline.read_text(encoding="utf-8")))
    if options.in_docker:
        for executor in spec["deploymentSpec"]["executors"].values():
            executor.get("container", {})["image"] = options.in_docker
    arguments = {name: json.loads(value) for name, value in (one.split("=", 1) for one in options.param)}
    volumes = {inside: Path(outside) for outside, inside in (one.split(":") for one in options.volume)}
    launcher = Launcher(spec, options.folder, arguments=arguments, containers=bool(options.in_docker), volumes=volumes)
    for name in in_order(spec["root"]["dag"]["tasks"]):
        if options.only is None or name in options.only:
            done = launcher.run([name])[name]
            sys.stdout.write(f"{name}: {done.seconds:.1f} s\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
