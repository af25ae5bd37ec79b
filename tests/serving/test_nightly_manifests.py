"""The nightly run on Kubernetes: the API knows every field, commands understand their arguments, names are found."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from pipelines.cli.main import cli
from tests.serving.test_manifests import MODELS, objects, read_by_the_api

FOLDER = Path(__file__).parents[2] / "serving" / "deploy" / "nightly"
MODELS["batch/v1", "CronJob"] = "V1CronJob"

kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
(nightly,) = yaml.safe_load_all((FOLDER / "nightly.yaml").read_text())
(data,) = yaml.safe_load_all((FOLDER / "data.yaml").read_text())
patches = [yaml.safe_load((FOLDER / one["path"]).read_text()) for one in kustomization["patches"]]
pod = nightly["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def options_of(words):
    """The options of a command line of `recommender`, as the command itself reads them."""
    command, place = cli, 0
    while hasattr(command, "commands"):
        command, place = command.commands[words[place]], place + 1
    return command.make_context(words[place - 1], list(words[place:]), resilient_parsing=False).params


@pytest.mark.parametrize("one", [nightly, data], ids=["nightly", "data"])
def test_the_api_knows_every_field(one):
    assert read_by_the_api(one) == one


def test_patches_are_of_objects_that_are_there():
    there = {(one["kind"], one["metadata"]["name"]) for one in objects}
    assert {(one["kind"], one["metadata"]["name"]) for one in patches} <= there
    assert {path for path in kustomization["resources"] if path.endswith(".yaml")} == {"data.yaml", "nightly.yaml"}


def test_volumes_claims_and_the_image_are_there():
    volumes = {volume["name"] for volume in pod["volumes"]}
    containers = [*pod["initContainers"], *pod["containers"]]
    assert all({mount["name"] for mount in one["volumeMounts"]} == volumes for one in containers)
    claims = {one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"] if "persistentVolumeClaim" in one}
    known = {one["metadata"]["name"] for one in [*objects, data] if one["kind"] == "PersistentVolumeClaim"}
    assert claims == known
    assert {one["image"] for one in containers} == {image["name"] for image in kustomization["images"]}


def test_what_is_exported_is_what_the_run_reads_and_what_it_pushes_is_what_is_served(tmp_path):
    (export,), (run,) = pod["initContainers"], pod["containers"]
    exported = options_of(export["args"])
    assert exported["day"] is None  # yesterday
    line = run["args"][0].removeprefix("exec recommender ").replace("/data/items.csv", str(tmp_path))
    line = line.replace("/data/history.csv,", "")  # which is not here
    ran = options_of(shlex.split(line))
    assert ran["ratings"] == exported["output"]
    assert ran["overrides"] == ("training.warm_start=true", "data.kept_rows=/data/kept_rows")
    (deployment,) = [one for one in patches if one["kind"] == "Deployment"]
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    served = options_of(server["args"])
    assert served["model_base_path"] == ran["output"] + "/pushed_model"
    assert served["event_store"] == exported["event_store"] == "$(EVENT_STORE)"
    assert server["env"] == export["env"]


def test_the_server_may_reach_its_store():
    (policy,) = [one for one in patches if one["kind"] == "NetworkPolicy"]
    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert ports == {53, 5432}
