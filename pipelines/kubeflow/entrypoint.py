"""What a step's container runs on Kubeflow: TFX's own entry point, between two translations.

Open-source Kubeflow and TFX differ in five points (docs/decisions/0008-kubeflow-entry-point.md):

- Kubeflow leaves out the type of input artifacts; TFX needs it. It stands in the step's own input
  definitions, which TFX passes along.
- Kubeflow adds an output of its own, for the step's log, of a type that TFX cannot import.
- Kubeflow's launcher copies artifacts between the bucket and the folders /gcs, /s3 and /minio; `s3://` and
  `minio://` are no file systems to TFX and Beam. So a step sees the folders, and its output file names the
  bucket again.
- TFX's own orchestrators make the folders of the outputs, Kubeflow's launcher no more than the folders above.
- Of an input that is gone (a rule for old artifacts has deleted what a cached step wrote) the launcher says nothing.
- The launcher parses the output file strictly, and metadata that are null or lists fail the step or come
  back as something else.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from components.errors import InputError
from components.progress import LOGGER
from components.storage import require_writable, storage_for
from pipelines.kubeflow import page_artifacts, store

MOUNTS = {"gs://": "gcs", "s3://": "s3", "minio://": "minio"}
"""Folders, below the root of the container, at which Kubeflow's launcher keeps what lies in a bucket."""

KUBEFLOWS_OWN_TYPES = "system."
"""What begins with this is no type of TFX: the step's log, and what Kubeflow's own page shows (page_artifacts.py)."""

IN_A_FILE = ("tfx.String", "tfx.Bytes", "tfx.Integer", "tfx.Float", "tfx.Boolean", "tfx.JsonValue")
"""Artifacts that are values, each in a file instead of a folder."""

NO_FILES = "title: tfx.PushedModel\n"
"""An artifact that holds nothing: what was pushed lies at the push destination."""

MOUNT_ROOT_VARIABLE = "RECOMMENDER_MOUNT_ROOT"
USAGE = 2


def to_mount(uri: str, root: str = "/") -> str:
    """`s3://bucket/key` → `/s3/bucket/key`; anything else as it is."""
    for scheme, folder in MOUNTS.items():
        if uri.startswith(scheme):
            return f"{root.rstrip('/')}/{folder}/{uri[len(scheme) :]}"
    return uri


def to_remote(path: str, root: str = "/") -> str:
    """The inverse of `to_mount`."""
    for scheme, folder in MOUNTS.items():
        prefix = f"{root.rstrip('/')}/{folder}/"
        if path.startswith(prefix):
            return scheme + path[len(prefix) :]
    return path


def prepared(invocation: dict[str, Any], inputs_spec: dict[str, Any], place: Callable[[str], str]) -> dict[str, Any]:
    """The invocation as TFX's entry point reads it.

    Args:
      invocation: KFP's ExecutorInput.
      inputs_spec: The step's ComponentInputsSpec, where the types stand.
      place: Turns an artifact's URI into one that the step opens.
    """
    types = {name: one["artifactType"] for name, one in inputs_spec.get("artifacts", {}).items()}
    for key, artifact in _artifacts(invocation.get("inputs", {})):
        if not any(artifact.get("type", {}).values()):
            artifact["type"] = types[key]
        artifact["name"] = artifact.get("name") or artifact["uri"]  # TFX's Evaluator looks artifacts up by name
        artifact["uri"] = place(artifact["uri"])
    outputs = invocation.get("outputs", {})
    outputs["artifacts"] = {key: one for key, one in outputs.get("artifacts", {}).items() if not _is_kubeflows_own(one)}
    for key, artifact in _artifacts(outputs):
        artifact["name"] = artifact.get("name") or key
        artifact["uri"] = place(artifact["uri"])
    return invocation


def check_inputs(inputs: dict[str, Any]) -> None:
    """Raises an InputError where an input is not there; its URI is one that the step opens."""
    for key, artifact in _artifacts(inputs):
        if NO_FILES in artifact["type"].get("instanceSchema", ""):
            continue
        if not storage_for(artifact["uri"]).exists(artifact["uri"]):
            raise InputError(
                f"the input `{key}` of this step is gone",
                expected="what the step before it has written",
                received=f"nothing at {artifact['uri']}: a rule for old artifacts may have deleted it since",
                action="run the pipeline without the cache: recommender submit kubeflow … --no-cache",
            )


def make_folders(outputs: dict[str, Any]) -> None:
    """Makes the folder of every output that is one; their URIs are paths."""
    for _, artifact in _artifacts(outputs):
        titles = re.findall(r"^title: (\S+)", artifact["type"].get("instanceSchema", ""), re.MULTILINE)
        if not set(titles) & set(IN_A_FILE):
            Path(artifact["uri"]).mkdir(parents=True, exist_ok=True)


def finished(output: dict[str, Any], place: Callable[[str], str]) -> dict[str, Any]:
    """TFX's ExecutorOutput as Kubeflow's launcher reads it.

    Args:
      output: The content of the output file.
      place: Turns a path of the step into the address in the bucket: of what it wrote, and of what texts of the
        metadata name, such as the models that an Evaluator compared.

    Raises:
      ValueError: Metadata that Kubeflow cannot keep.
    """
    for key, artifact in _artifacts(output):
        artifact["uri"] = place(artifact["uri"])
        metadata = {
            name: place(value) if isinstance(value, str) else value
            for name, value in artifact.get("metadata", {}).items()
            if value is not None
        }
        unusable = sorted(name for name, value in metadata.items() if isinstance(value, list))
        if unusable:
            raise ValueError(f"output {key}: Kubeflow keeps no lists as metadata: {', '.join(unusable)}")
        artifact["metadata"] = metadata
    return output


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the step and ends the process with its exit code."""
    _show_progress()
    try:
        _run(sys.argv[1:] if arguments is None else arguments)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the pod's log is where a person looks
        sys.exit(USAGE)
    sys.exit(0)


def _run(arguments: Sequence[str]) -> None:
    options, beam_args = _parser().parse_known_args(arguments)
    invocation = json.loads(options.json_serialized_invocation_args)
    inputs_spec = json.loads(options.json_serialized_inputs_spec_args)
    root = os.environ.get(MOUNT_ROOT_VARIABLE, "/")

    def inward(uri: str) -> str:
        return uri if options.remote_uris else to_mount(uri, root)

    def outward(path: str) -> str:
        return path if options.remote_uris else to_remote(path, root)

    os.environ.update(store.settings_of_kubeflow(options.push_to, os.environ))
    if options.probe:
        require_writable(options.push_to)
    shown = {key: inward(one["uri"]) for key, one in _artifacts(invocation["outputs"]) if key in page_artifacts.TYPES}
    options.json_serialized_invocation_args = json.dumps(prepared(invocation, inputs_spec, inward))
    check_inputs(invocation.get("inputs", {}))
    outputs = {key: one["uri"] for key, one in _artifacts(invocation["outputs"])}
    if not options.remote_uris:
        make_folders(invocation["outputs"])
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    kubeflow_v2_run_executor.main((options, beam_args))
    entries = page_artifacts.fill(shown, outputs[page_artifacts.REPORT]) if shown else {}
    output_file = invocation["outputs"]["outputFile"]
    if "://" not in output_file:  # Vertex' lies in a bucket and is right as TFX wrote it, and there is no launcher
        if options.remote_uris:
            store.remove_folder_markers(outputs.values())
        output = json.loads(Path(output_file).read_text(encoding="utf-8"))
        output.setdefault("artifacts", {}).update(entries)
        Path(output_file).write_text(json.dumps(finished(output, outward)), encoding="utf-8")


def _artifacts(side: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, entries in side.get("artifacts", {}).items():
        for artifact in entries.get("artifacts", []):
            yield key, artifact


def _is_kubeflows_own(entries: dict[str, Any]) -> bool:
    types = [artifact.get("type", {}).get("schemaTitle", "") for artifact in entries.get("artifacts", [])]
    return any(title.startswith(KUBEFLOWS_OWN_TYPES) for title in types)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--remote-uris", action="store_true", help="leave addresses of buckets as they are")
    parser.add_argument("--push-to", default="", help="where versions are pushed, of steps that open it")
    parser.add_argument("--probe", action="store_true", help="see whether it can be written, before anything else")
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", default="{}")
    return parser


def _show_progress() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOGGER.addHandler(handler)


if __name__ == "__main__":
    main()
