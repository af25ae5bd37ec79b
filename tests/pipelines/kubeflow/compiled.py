"""Pipelines that several tests compile, and a summary of a compiled one that a person can review."""

from __future__ import annotations

import dataclasses
from typing import Any

import yaml

from pipelines.config import load
from pipelines.kubeflow import compiler
from pipelines.kubeflow.deployment import Deployment, Volume

IMAGE = "registry.example.com/tfx-recommenders@sha256:0123"
ROOT = "s3://bucket/root"
SMALL = (
    "data.demo_users=150",
    "data.demo_items=300",
    "data.demo_ratings=9000",
    "retrieval.epochs=8",
    "retrieval.eval_every=4",
    "ranking.epochs=60",
)


def documents(preset: str = "demo", overrides: tuple[str, ...] = (), **options: Any) -> list[dict[str, Any]]:
    """What `recommender compile kubeflow` writes, read back: the PipelineSpec and, where there is one, the platform."""
    data = options.pop("data", None)
    place = options.get("push_to", "")
    if place.startswith("/"):  # a volume holds it
        given = options.get("deployment", Deployment())
        volume = Volume(claim="models", mount=place.rstrip("/"))
        options["deployment"] = dataclasses.replace(given, volumes=(*given.volumes, volume))
    chosen = compiler.CompileOptions(image=IMAGE, pipeline_root=options.pop("pipeline_root", ROOT), **options)
    job = compiler.compile_recommender(load(preset, overrides, data), chosen)
    return list(yaml.safe_load_all(compiler.as_yaml(job, chosen.given)))


def steps(spec: dict[str, Any]) -> dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """By name: task, component and executor."""
    executors = spec["deploymentSpec"]["executors"]
    found = {}
    for name, task in spec["root"]["dag"]["tasks"].items():
        component = spec["components"][task["componentRef"]["name"]]
        found[name] = (task, component, executors[component["executorLabel"]])
    return found


def summary(spec: dict[str, Any]) -> str:
    """The wiring in lines: what a step reads, which of its settings a run may change, and what it writes.

    Values of settings are left out: they are the configuration's, which has tests of its own.
    """
    lines = [f"{spec['pipelineInfo']['name']}, schema {spec['schemaVersion']}", ""]
    for name, one in sorted(spec["root"]["inputDefinitions"]["parameters"].items()):
        default = "no default" if "defaultValue" not in one else "with a default"
        lines.append(f"parameter {name}: {one['parameterType']}, {default}")
    for name, (task, component, executor) in sorted(steps(spec).items()):
        container = executor["container"]
        cached = ", cached" if task.get("cachingOptions", {}).get("enableCache") else ""
        lines += ["", f"{name}{cached}", f"  runs {' '.join(container['command'])}", f"  as {container['args'][1]}"]
        for key, source in sorted(task.get("inputs", {}).get("artifacts", {}).items()):
            produced = source["taskOutputArtifact"]
            lines.append(f"  {key} <- {produced['producerTask']}.{produced['outputArtifactKey']}")
        read = {source["taskOutputArtifact"]["producerTask"] for source in task["inputs"].get("artifacts", {}).values()}
        lines += [f"  after {before}" for before in task.get("dependentTasks", []) if before not in read]
        for key, source in sorted(task["inputs"].get("parameters", {}).items()):
            kind = component["inputDefinitions"]["parameters"][key]["parameterType"]
            lines.append(
                f"  {key}: {kind} "
                + (
                    f"<- {source['componentInputParameter']}"
                    if len(source) and "componentInputParameter" in source
                    else "set"
                )
            )
        for key, one in sorted(component["outputDefinitions"]["artifacts"].items()):
            kind = one["artifactType"]
            title = kind.get("schemaTitle") or yaml.safe_load(kind["instanceSchema"])["title"]
            lines.append(f"  -> {key}: {title}")
    return "\n".join(lines) + "\n"
