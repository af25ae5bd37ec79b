"""Compiles the pipeline for Kubeflow Pipelines 2 (YAML, schema 2.1.0) or for Vertex AI (JSON)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import yaml
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline

from components.errors import InputError
from components.ingestion.opening import declared_facts, open_source
from components.ingestion.source import SourceFacts
from pipelines.config import PipelineConfig
from pipelines.kubeflow.deployment import Deployment
from pipelines.kubeflow.runtime_parameters import Parameter, parameters_of, with_defaults
from pipelines.places import Places
from pipelines.recommender import IN_MEMORY, create_pipeline

KUBEFLOW = "kubeflow"
VERTEX = "vertex"
TARGETS = (KUBEFLOW, VERTEX)

COMMAND = ("python", "-m", "pipelines.kubeflow.entrypoint")
REMOTE_URIS = "--remote-uris"
NEVER_CACHED = ("ServedModel", "Pusher")
"""What they do depends on the push destination, of which Kubeflow's cache knows nothing; it runs no driver."""

_SCHEMES = ("gs://", "s3://", "minio://")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompileOptions:
    """How the pipeline is compiled.

    Attributes:
      image: Container image of every step, best by digest (`…@sha256:…`).
      pipeline_root: Address below which every run keeps its artifacts.
      push_to: Where versions are pushed; empty: `<pipeline_root>/pushed_model`.
      target: `kubeflow` or `vertex`.
      cached: Whether unchanged steps may be answered from the orchestrator's cache.
      remote_uris: Whether steps read and write the bucket themselves instead of the launcher's mounts: what a
        remote Beam runner needs. Always so on Vertex.
      beam_args: Options of the Beam stages.
      deployment: What the cluster gives each step.
    """

    image: str
    pipeline_root: str
    push_to: str = ""
    target: str = KUBEFLOW
    cached: bool = False
    remote_uris: bool = False
    beam_args: tuple[str, ...] = IN_MEMORY
    deployment: Deployment = dataclasses.field(default_factory=Deployment)

    def __post_init__(self) -> None:
        schemes = ("gs://",) if self.target == VERTEX else _SCHEMES
        if not self.pipeline_root.startswith(schemes):
            raise InputError(
                f"the pipeline root {self.pipeline_root or '(empty)'} cannot be used",
                expected="an address such as " + ", ".join(f"{scheme}bucket/folder" for scheme in schemes),
                received=self.pipeline_root,
                action="give a bucket that the cluster reads and writes, with --pipeline-root",
            )

    @property
    def pushed_model(self) -> str:
        """Where versions are pushed."""
        return (self.push_to or f"{self.pipeline_root.rstrip('/')}/pushed_model").rstrip("/")


def compile_recommender(config: PipelineConfig, options: CompileOptions) -> dict[str, Any]:
    """This project's pipeline as a PipelineJob."""
    facts, fingerprint = facts_in_the_cluster(config)
    config = _with_declared_ratings(config, facts)
    per_run, parameters = parameters_of(config, facts, cached=options.cached, fingerprint=fingerprint)
    pipeline = create_pipeline(
        config,
        places=Places(pipeline_root=options.pipeline_root, pushed_model=options.pushed_model),
        facts=facts,
        fingerprint=fingerprint,
        per_run=per_run,
        beam_pipeline_args=options.beam_args,
    )
    return compile_pipeline(pipeline, parameters, options)


def compile_pipeline(pipeline: Pipeline, parameters: Sequence[Parameter], options: CompileOptions) -> dict[str, Any]:
    """Any TFX pipeline as a PipelineJob.

    Args:
      pipeline: It holds no Resolver and no InfraValidator, which open-source Kubeflow refuses.
      parameters: Its runtime parameters.
      options: How it is compiled.
    """
    pipeline.enable_cache = options.cached
    command = [*COMMAND, *([REMOTE_URIS] if options.remote_uris or options.target == VERTEX else [])]
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(default_image=options.image, default_commands=command, use_pipeline_spec_2_1=True)
    )
    job: dict[str, Any] = runner.run(pipeline, write_out=False)
    spec = job["pipelineSpec"]
    spec["defaultPipelineRoot"] = options.pipeline_root
    with_defaults(spec["root"].get("inputDefinitions", {}).get("parameters", {}), parameters)
    for step in NEVER_CACHED:
        spec["root"]["dag"]["tasks"].get(step, {}).pop("cachingOptions", None)
    _deploy(spec["deploymentSpec"]["executors"], options.deployment)
    return job


def facts_in_the_cluster(config: PipelineConfig) -> tuple[SourceFacts, str]:
    """Facts and fingerprint of the data, without opening what only the cluster can reach.

    Generated data are known here. Everything else is opened by the steps alone: nothing is downloaded, and
    no file has to be reachable, where a pipeline is compiled.
    """
    if config.data.source == "demo":
        source = open_source(config.data)
        return source.facts(), source.fingerprint()
    return declared_facts(config.data), ""


def as_yaml(job: dict[str, Any], deployment: Deployment) -> str:
    """The PipelineSpec as open-source Kubeflow takes it, and the platform document behind it."""
    spec = job["pipelineSpec"]
    documents = [spec]
    kubernetes = deployment.kubernetes()
    if kubernetes:
        executors = dict.fromkeys(_containers(spec["deploymentSpec"]["executors"]), kubernetes)
        documents.append({"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}})
    body: str = yaml.dump_all(documents, sort_keys=True, Dumper=_NoAliases, allow_unicode=True)
    return _header(spec) + body


def as_json(job: dict[str, Any]) -> str:
    """The PipelineJob as Vertex AI takes it."""
    return json.dumps(job, sort_keys=True, indent=1)


class _NoAliases(yaml.SafeDumper):
    """Writes equal parts out instead of pointing at the first: a person reads one step at a time."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _with_declared_ratings(config: PipelineConfig, facts: SourceFacts) -> PipelineConfig:
    """Makes ingestion say in one line what is wrong where the data has no ratings after all."""
    if config.data.source != "files" or not facts.has_ratings:
        return config
    return dataclasses.replace(config, data=dataclasses.replace(config.data, has_ratings="true"))


def _containers(executors: dict[str, Any]) -> list[str]:
    return [label for label, executor in executors.items() if "container" in executor]


def _deploy(executors: dict[str, Any], deployment: Deployment) -> None:
    """Writes resources and environment into the containers."""
    labels = _containers(executors)
    deployment.check_steps([label.removesuffix("_executor") for label in labels])
    for label in labels:
        container = executors[label]["container"]
        resources = deployment.resources_of(label.removesuffix("_executor")).spec()
        if resources:
            container["resources"] = resources
        if deployment.env:
            container["env"] = [{"name": name, "value": value} for name, value in deployment.env.items()]


def _header(spec: dict[str, Any]) -> str:
    lines = [f"# Pipeline {spec['pipelineInfo']['name']}, for Kubeflow Pipelines 2. Parameters of a run:"]
    for name, definition in sorted(spec["root"].get("inputDefinitions", {}).get("parameters", {}).items()):
        default = str(definition.get("defaultValue", "none, every run must give one"))
        shown = default if len(default) <= 60 else f"{default[:57]}…"
        lines.append(f"#   {name}: {definition.get('description', '')}  [default: {shown}]")
    return "\n".join(lines) + "\n"
