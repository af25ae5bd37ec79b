"""Compiles the pipeline for Kubeflow Pipelines 2 (YAML, schema 2.1.0) or for Vertex AI (JSON)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import yaml
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline

from components.beam import engines
from components.errors import InputError
from components.ingestion.opening import declared_facts, open_source
from components.ingestion.source import SourceFacts
from components.ingestion.sources import find_source
from pipelines.config import PipelineConfig
from pipelines.kubeflow import page_artifacts
from pipelines.kubeflow.deployment import OPEN_THE_PLACE, Deployment, with_kubeflows_store
from pipelines.kubeflow.runtime_parameters import RunParameter, parameters_of, with_defaults
from pipelines.local_run.places import Places
from pipelines.pipeline import IN_MEMORY, create_pipeline

KUBEFLOW = "kubeflow"
VERTEX = "vertex"
TARGETS = (KUBEFLOW, VERTEX)

COMMAND = ("python", "-m", "pipelines.kubeflow.entrypoint")
REMOTE_URIS = "--remote-uris"
FIRST = "ExampleGen"
JAVA = "job_server_java_launcher"  # Beam's option
NEVER_CACHED = ("ServedModel", "StartingModel", "Pusher")
"""What they do depends on the push destination, of which Kubeflow's cache knows nothing; it runs no driver."""

_SCHEMES = ("gs://", "s3://", "minio://")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompileOptions:
    """How the pipeline is compiled.

    Attributes:
      image: Container image of every step, best by digest (`…@sha256:…`).
      pipeline_root: Address below which every run keeps its artifacts.
      push_to: Where versions are pushed; empty: `pushed_model/<path of the root>` in the bucket of the root, and not
        below the root: what keeps artifacts for some days only would take what is served away.
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
        if not self.push_to and not self.pipeline_root.partition("://")[2].strip("/").partition("/")[2]:
            raise InputError(
                f"the pipeline root {self.pipeline_root} is a whole bucket, and versions must not lie below it",
                expected="a folder of a bucket, or another place for versions",
                received=self.pipeline_root,
                action=f"--pipeline-root {self.pipeline_root.rstrip('/')}/recommender, or --push-to PLACE",
            )
        _check_place(self)
        if self.remote_uris and not self.pipeline_root.startswith("gs://"):
            raise InputError(
                f"steps cannot open {self.pipeline_root} themselves",
                expected="a root at gs://, which TensorFlow and Beam open",
                received=f"{REMOTE_URIS} with {self.pipeline_root}",
                action=f"leave out {REMOTE_URIS}: Kubeflow's launcher copies artifacts between the bucket and the step",
            )
        _check_runner(self)

    @property
    def pushed_model(self) -> str:
        """The place where versions are pushed."""
        scheme, _, address = self.pipeline_root.partition("://")
        bucket, _, path = address.strip("/").partition("/")
        return (self.push_to or f"{scheme}://{bucket}/pushed_model/{path}").rstrip("/")

    @property
    def given(self) -> Deployment:
        """The deployment with what Kubeflow's own store needs."""
        return with_kubeflows_store(self.deployment, self.pushed_model)


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


def compile_pipeline(pipeline: Pipeline, parameters: Sequence[RunParameter], options: CompileOptions) -> dict[str, Any]:
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
    if options.target == KUBEFLOW:
        page_artifacts.add_to(spec)
    _open_the_place(spec, options)
    _deploy(spec, options)
    return job


def facts_in_the_cluster(config: PipelineConfig) -> tuple[SourceFacts, str]:
    """Facts and fingerprint of the data, without opening what only the cluster can reach.

    Generated data are known here. Everything else is opened by the steps alone: nothing is downloaded, and
    no file has to be reachable, where a pipeline is compiled.
    """
    if find_source(config.data.source).is_generated:
        source = open_source(config.data)
        return source.facts(), source.fingerprint()
    return declared_facts(config.data), ""


def as_yaml(job: dict[str, Any], deployment: Deployment) -> str:
    """The PipelineSpec as open-source Kubeflow takes it, and the platform document behind it."""
    spec = job["pipelineSpec"]
    documents = [spec]
    steps = {label: deployment.kubernetes(_step(label)) for label in _containers(spec["deploymentSpec"]["executors"])}
    executors = {label: given for label, given in steps.items() if given}
    if executors:
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


def _check_place(options: CompileOptions) -> None:
    """Raises an InputError where the target has no such place to push to, or nothing for a key of the deployment."""
    if options.target != VERTEX:
        if "://" not in options.pushed_model and not options.deployment.mounts(options.pushed_model, "Pusher"):
            raise InputError(
                f"no volume is mounted at {options.pushed_model}: what is pushed there is lost with the step's pod",
                expected="a volume of the deployment that holds it, for the step Pusher",
                received=f"--push-to {options.pushed_model}",
                action="add [[volumes]] with `claim` and `mount` to the file of --deployment, or push to a bucket",
            )
        return
    if not options.pushed_model.startswith("gs://"):
        raise InputError(
            f"Vertex AI's steps do not see {options.pushed_model}",
            expected="a place at gs://",
            received=options.push_to,
            action="push to gs://…, or leave --push-to out",
        )
    beyond = options.deployment.beyond_vertex()
    if beyond:
        raise InputError(
            "Vertex AI has nothing for " + ", ".join(beyond),
            expected="env and, for steps, cpu, memory, retries and a Vertex accelerator such as NVIDIA_TESLA_T4",
            received=", ".join(beyond),
            action="take them out of the file of --deployment; rights come from the service account of the run",
        )


def _check_runner(options: CompileOptions) -> None:
    """Raises an InputError where Beam's workers are elsewhere and cannot open what the step sees."""
    runner = engines.runner(options.beam_args)
    given = {name for name in ("job_endpoint", JAVA) if engines.option(options.beam_args, name)}
    if runner in engines.CLUSTERS and not given:
        raise InputError(
            f"the job server of {runner} would be started inside each step's container, which has no Java",
            expected="one that runs: --job_endpoint=HOST:PORT",
            received=" ".join(options.beam_args),
            action=f"start it in the cluster (docs/kubeflow-operations.md), or name your image's Java: --{JAVA}=java",
        )
    if runner == "FlinkRunner" and given == {JAVA} and engines.flink_master(options.beam_args) is None:
        raise InputError(
            "Flink itself would be started inside each step's container",
            expected="the address of a Flink that runs: --flink_master=HOST:PORT",
            received=" ".join(options.beam_args),
            action="name a cluster's JobManager, or leave the runner out: the Beam stages then run in the step",
        )
    if runner in (None, *engines.ON_THIS_MACHINE) or options.remote_uris or options.target == VERTEX:
        return
    raise InputError(
        f"the workers of {runner} cannot open the artifacts of a step",
        expected=f"a root at gs://, which they open themselves: {REMOTE_URIS}",
        received=f"{options.pipeline_root}, which Kubeflow's launcher copies into the step's own container",
        action=f"add {REMOTE_URIS} (and --temp_location for Dataflow), or run the Beam stages in the step",
    )


def _with_declared_ratings(config: PipelineConfig, facts: SourceFacts) -> PipelineConfig:
    """Makes ingestion say in one line what is wrong where the data has no ratings after all."""
    if not find_source(config.data.source).is_own or not facts.has_ratings:
        return config
    return dataclasses.replace(config, data=dataclasses.replace(config.data, has_ratings="true"))


def _containers(executors: dict[str, Any]) -> list[str]:
    return [label for label, executor in executors.items() if "container" in executor]


def _step(label: str) -> str:
    """The step of an executor."""
    return label.removesuffix("_executor")


def _deploy(spec: dict[str, Any], options: CompileOptions) -> None:
    """Writes resources, environment and retries into the containers and tasks."""
    executors, deployment = spec["deploymentSpec"]["executors"], options.given
    labels = _containers(executors)
    options.deployment.check_steps(list(map(_step, labels)))
    for label in labels:
        container, step = executors[label]["container"], deployment.step(_step(label))
        resources = step.vertex_resources() if options.target == VERTEX else step.resources()
        if resources:
            container["resources"] = resources
        if deployment.env:
            container["env"] = [{"name": name, "value": value} for name, value in deployment.env.items()]
        if step.retries:
            spec["root"]["dag"]["tasks"][_step(label)]["retryPolicy"] = step.retry_policy()


def _open_the_place(spec: dict[str, Any], options: CompileOptions) -> None:
    """Tells the steps that open the push destination which one it is, and lets the first try to write there.

    It is not tried where the deployment gives the first step less than the Pusher: less is what it can do.
    """
    for label in _containers(spec["deploymentSpec"]["executors"]):
        if _step(label) in OPEN_THE_PLACE:
            command = spec["deploymentSpec"]["executors"][label]["container"]["command"]
            command += ["--push-to", options.pushed_model]
            if _step(label) == FIRST and options.deployment.gives_alike(FIRST, "Pusher"):
                command.append("--probe")


def _header(spec: dict[str, Any]) -> str:
    lines = [f"# Pipeline {spec['pipelineInfo']['name']}, for Kubeflow Pipelines 2. Parameters of a run:"]
    for name, definition in sorted(spec["root"].get("inputDefinitions", {}).get("parameters", {}).items()):
        default = str(definition.get("defaultValue", "none, every run must give one"))
        shown = default if len(default) <= 60 else f"{default[:57]}…"
        lines.append(f"#   {name}: {definition.get('description', '')}  [default: {shown}]")
    return "\n".join(lines) + "\n"
