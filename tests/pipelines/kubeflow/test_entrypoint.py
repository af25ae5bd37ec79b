"""What the container entry point makes of Kubeflow's invocation and of TFX's output; no TFX is imported."""

import copy
import json

import pytest

from components.errors import InputError
from pipelines.kubeflow import page_artifacts
from pipelines.kubeflow.entrypoint import check_inputs, finished, make_folders, prepared, to_mount, to_remote

SCHEMA = {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
SPEC = {"artifacts": {"items": {"artifactType": SCHEMA}}}


def invocation(**artifact):
    one = {"name": "m", "type": {"instanceSchema": ""}, "uri": "s3://bucket/a/b", "metadata": {"rows": 7.0}, **artifact}
    out = {"name": "examples", "type": SCHEMA, "uri": "s3://bucket/c/d"}
    return {
        "inputs": {"artifacts": {"items": {"artifacts": [one]}}, "parameterValues": {"n": 7.0}},
        "outputs": {"artifacts": {"examples": {"artifacts": [out]}}, "outputFile": "/tmp/x"},
    }


@pytest.mark.parametrize(
    ("uri", "path"),
    [("gs://b/k", "/gcs/b/k"), ("s3://b/k/l", "/s3/b/k/l"), ("minio://b/k", "/minio/b/k"), ("/models/1", "/models/1")],
)
def test_addresses_of_buckets_are_folders_of_the_launcher_and_back(uri, path):
    assert to_mount(uri) == path
    assert to_remote(path) == uri
    assert to_mount(uri, "/elsewhere") == (f"/elsewhere{path}" if "://" in uri else path)


@pytest.mark.parametrize("empty", [{"instanceSchema": ""}, {"schemaTitle": ""}, {}])
def test_an_empty_type_is_filled_from_the_inputs_of_the_step(empty):
    done = prepared(invocation(type=empty), SPEC, to_mount)
    (artifact,) = done["inputs"]["artifacts"]["items"]["artifacts"]
    assert artifact["type"] == SCHEMA
    assert artifact["uri"] == "/s3/bucket/a/b"
    assert artifact["metadata"] == {"rows": 7.0}
    assert done["outputs"]["artifacts"]["examples"]["artifacts"][0]["uri"] == "/s3/bucket/c/d"


def test_a_type_that_is_there_stays_and_a_name_is_never_missing():
    other = {"instanceSchema": "title: tfx.Model\n"}
    (artifact,) = prepared(invocation(type=other, name=""), SPEC, to_mount)["inputs"]["artifacts"]["items"]["artifacts"]
    assert artifact["type"] == other
    assert artifact["name"] == "s3://bucket/a/b"


def test_the_place_for_the_steps_log_is_no_output_of_tfx():
    given = invocation()
    log = {"name": "executor-logs", "type": {"schemaTitle": "system.Artifact"}, "uri": "s3://bucket/a/executor-logs"}
    given["outputs"]["artifacts"]["executor-logs"] = {"artifacts": [log]}
    assert set(prepared(given, SPEC, to_mount)["outputs"]["artifacts"]) == {"examples"}


def test_outputs_are_folders_that_are_there_and_values_are_files_that_are_not(tmp_path):
    value = {"uri": str(tmp_path / "a" / "gate"), "type": {"instanceSchema": "title: tfx.String\ntype: object\n"}}
    examples = {"uri": str(tmp_path / "b" / "examples"), "type": SCHEMA}
    make_folders({"artifacts": {"gate": {"artifacts": [value]}, "examples": {"artifacts": [examples]}}})
    assert (tmp_path / "b" / "examples").is_dir()
    assert not (tmp_path / "a" / "gate").exists()


def output(**metadata):
    return {"artifacts": {"examples": {"artifacts": [{"uri": "/s3/bucket/c/d", "metadata": metadata}]}}}


def test_the_output_names_the_bucket_again_and_nothing_is_added():
    before = output(rows=7.0, ok={"train": "BLESSED"})
    expected = copy.deepcopy(before)
    expected["artifacts"]["examples"]["artifacts"][0]["uri"] = "s3://bucket/c/d"
    assert finished(before, to_remote) == expected


def test_nulls_are_dropped_and_lists_are_refused_by_name():
    done = finished(output(rows=7.0, nothing=None), to_remote)
    assert done["artifacts"]["examples"]["artifacts"][0]["metadata"] == {"rows": 7.0}
    with pytest.raises(ValueError, match="splits"):
        finished(output(splits=["a"]), to_remote)


def test_paths_in_the_metadata_name_the_bucket_too():
    done = finished(output(current_model="/s3/bucket/root/model", pushed="/models/7", rows=7.0), to_remote)
    assert done["artifacts"]["examples"]["artifacts"][0]["metadata"] == {
        "current_model": "s3://bucket/root/model",
        "pushed": "/models/7",
        "rows": 7.0,
    }


def test_an_input_that_a_rule_has_deleted_is_told_with_its_cure(tmp_path):
    def inputs(title, path):
        kind = {"instanceSchema": f"title: {title}\ntype: object\n"}
        return {"artifacts": {"examples": {"artifacts": [{"uri": str(path), "type": kind}]}}}

    check_inputs(inputs("tfx.Examples", tmp_path))
    check_inputs(inputs("tfx.PushedModel", tmp_path / "nothing is ever written here"))
    with pytest.raises(InputError, match="`examples` of this step is gone") as error:
        check_inputs(inputs("tfx.Examples", tmp_path / "gone"))
    assert "--no-cache" in error.value.action


def test_the_page_and_the_figures_are_artifacts_that_kubeflow_shows(tmp_path):
    report = tmp_path / "report"
    report.mkdir()
    (report / "report.html").write_text("<p>page</p>")
    figures = {"ndcg_at_10": {"model": 0.25, "peer": 0.2}, "rmse": {"model": None}}
    (report / "report.json").write_text(json.dumps({"evaluation": {"blessed": True, "overall": figures}}))
    uris = {key: str(tmp_path / "out" / key) for key in page_artifacts.TYPES}
    entries = page_artifacts.fill(uris, str(report))
    assert (tmp_path / "out" / "page").read_text() == "<p>page</p>"
    assert json.loads((tmp_path / "out" / "metrics").read_text()) == {"blessed": 1.0, "ndcg_at_10": 0.25}
    (metrics,) = entries["metrics"]["artifacts"]
    assert (metrics["uri"], metrics["metadata"]) == (uris["metrics"], {"blessed": 1.0, "ndcg_at_10": 0.25})
    (report / "report.json").write_text(json.dumps({"evaluation": None}))
    assert page_artifacts.fill(uris, str(report))["metrics"]["artifacts"][0]["metadata"] == {}
