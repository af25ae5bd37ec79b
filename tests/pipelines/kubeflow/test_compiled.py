"""The rules that open-source Kubeflow's API server, compiler, driver and launcher hold a pipeline to."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from components.errors import InputError
from pipelines.kubeflow import compiler
from pipelines.kubeflow.deployment import Deployment, Resources, Secret, Volume
from tests.pipelines.kubeflow.compiled import IMAGE, ROOT, documents, steps, summary

SNAPSHOT = Path(__file__).with_name("demo.snapshot")
OWN_DATA = {"source": "files", "ratings": "/data/ratings.csv", "items": "/data/movies.csv"}


@pytest.fixture(scope="module")
def demo():
    return documents()


@pytest.fixture(scope="module")
def spec(demo):
    return demo[0]


@pytest.fixture(scope="module")
def own():
    """Somebody's own views, which have no ratings, where no file can be reached from here."""
    return documents("auto", data={**OWN_DATA, "has_ratings": "false"})[0]


@pytest.fixture(scope="module", params=["demo", "own"])
def any_spec(request):
    return request.getfixturevalue({"demo": "spec", "own": "own"}[request.param])


def test_the_wiring_is_what_a_person_has_reviewed(spec):
    """Changed on purpose: `python -m tests.pipelines.kubeflow.test_compiled` writes the file anew; review its diff."""
    assert summary(spec) == SNAPSHOT.read_text(encoding="utf-8")


def test_schema_and_pipeline_root(any_spec):
    assert any_spec["schemaVersion"] == "2.1.0"
    assert any_spec["sdkVersion"] == f"tfx-{version('tfx')}"
    assert any_spec["defaultPipelineRoot"] == ROOT


def test_only_containers_and_importers_run(any_spec):
    for _, _, executor in steps(any_spec).values():
        assert set(executor) <= {"container", "importer"}
        assert "lifecycle" not in executor.get("container", {}), "a driver that Kubeflow never calls"


def test_ids_and_labels_are_names_that_argo_takes(any_spec):
    for name in steps(any_spec):
        assert re.fullmatch("[A-Za-z0-9][-A-Za-z0-9]{0,120}", name)


def test_every_artifact_that_is_read_is_written_by_a_step_before(any_spec):
    found = steps(any_spec)
    for task, component, _ in found.values():
        wired = task["inputs"].get("artifacts", {})
        assert set(wired) == set(component.get("inputDefinitions", {}).get("artifacts", {}))
        for source in wired.values():
            produced = source["taskOutputArtifact"]
            assert produced["producerTask"] in task["dependentTasks"]
            _, producer, _ = found[produced["producerTask"]]
            assert produced["outputArtifactKey"] in producer["outputDefinitions"]["artifacts"]
        assert set(task.get("dependentTasks", [])) <= set(found)


def test_every_parameter_that_is_declared_has_a_value_and_none_comes_from_a_step(any_spec):
    root = any_spec["root"]["inputDefinitions"]["parameters"]
    for task, component, _ in steps(any_spec).values():
        given = task["inputs"].get("parameters", {})
        assert set(given) == set(component.get("inputDefinitions", {}).get("parameters", {}))
        for source in given.values():
            assert source.get("componentInputParameter", next(iter(root))) in root
            assert "taskOutputParameter" not in source


def test_no_step_depends_on_a_condition(any_spec):
    assert not any("triggerPolicy" in task for task, _, _ in steps(any_spec).values())


def test_no_list_or_null_stands_in_the_metadata(any_spec):
    for _, component, _ in steps(any_spec).values():
        for one in component["outputDefinitions"]["artifacts"].values():
            assert all(isinstance(value, (str, int, float)) for value in one.get("metadata", {}).values())


def test_every_step_starts_at_our_entry_point_in_the_image(any_spec):
    for _, _, executor in steps(any_spec).values():
        assert executor["container"]["command"] == ["python", "-m", "pipelines.kubeflow.entrypoint"]
        assert executor["container"]["image"] == IMAGE


def test_a_run_may_change_these_and_has_defaults_for_all(spec):
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    defaults = {name: one["defaultValue"] for name, one in parameters.items()}
    evaluation = json.loads(defaults.pop("evaluation"))
    assert defaults == {
        "demo_seed": 7,
        "ranking_epochs": 250,
        "ranking_learning_rate": 0.01,
        "retrieval_epochs": 45,
        "retrieval_learning_rate": 0.01,
    }
    assert parameters["retrieval_epochs"]["parameterType"] == "NUMBER_INTEGER"
    assert parameters["retrieval_learning_rate"]["parameterType"] == "NUMBER_DOUBLE"
    assert (evaluation["min_recall_lift"], evaluation["max_recall_drop"]) == (0.0, 0.01)


def test_nothing_is_cached_unless_asked_for(spec):
    assert not any("cachingOptions" in task for task, _, _ in steps(spec).values())


def test_with_the_cache_a_run_says_which_data_it_means_and_the_push_destination_is_always_looked_at():
    cached = documents("auto", data=OWN_DATA, cached=True)[0]
    version = cached["root"]["inputDefinitions"]["parameters"]["data_version"]
    assert "defaultValue" not in version  # the one parameter that is required, and only here
    uncached = {name for name, (task, _, _) in steps(cached).items() if "cachingOptions" not in task}
    assert uncached == {"ServedModel", "Pusher"}
    task, _, _ = steps(cached)["ExampleGen"]
    assert task["inputs"]["parameters"]["fingerprint"] == {"componentInputParameter": "data_version"}


def test_the_final_fit_trains_as_the_judged_models_were_and_what_was_judged_is_pushed_beside_it(spec):
    task, _, _ = steps(spec)["FinalFit"]
    for model, trainer in (("retrieval", "RetrievalTrainer"), ("ranking", "RankingTrainer")):
        source = task["inputs"]["artifacts"][f"{model}_run"]["taskOutputArtifact"]
        assert source["producerTask"] == trainer
    pushed = steps(spec)["Pusher"][0]["inputs"]["artifacts"]
    producers = {key: source["taskOutputArtifact"]["producerTask"] for key, source in pushed.items()}
    assert producers == {"model": "FinalFit", "judged": "RecommenderBundler", "model_blessing": "Evaluator"}
    without = documents(overrides=("training.final_fit=none",))[0]
    assert "FinalFit" not in steps(without)
    pushed = steps(without)["Pusher"][0]["inputs"]["artifacts"]
    assert pushed["model"] == pushed["judged"]


def test_data_that_only_the_cluster_reaches_are_not_opened_and_their_paths_are_parameters(own):
    defaults = {name: one["defaultValue"] for name, one in own["root"]["inputDefinitions"]["parameters"].items()}
    assert (defaults["ratings"], defaults["items"]) == ("/data/ratings.csv", "/data/movies.csv")
    assert "RankingTrainer" not in steps(own)


def test_no_file_of_this_machine_is_named(any_spec):
    assert str(Path(compiler.__file__).parents[2]) not in json.dumps(any_spec)


def test_versions_are_pushed_below_the_pipeline_root_or_where_one_says():
    def destinations(spec):
        found = steps(spec)
        served = found["ServedModel"][0]["inputs"]["parameters"]["push_directory"]["runtimeValue"]["constant"]
        pushed = found["Pusher"][0]["inputs"]["parameters"]["push_destination"]["runtimeValue"]["constant"]
        return served, json.loads(pushed)["filesystem"]["base_directory"]

    assert destinations(documents()[0]) == (f"{ROOT}/pushed_model",) * 2
    assert destinations(documents(push_to="/models/recommender/")[0]) == ("/models/recommender",) * 2


def test_resources_environment_secrets_and_volumes():
    deployment = Deployment(
        pull_secrets=("registry",),
        env={"AWS_REGION": "eu-central-1"},
        secrets=(
            Secret(name="minio", env={"accesskey": "AWS_ACCESS_KEY_ID"}),
            Secret(name="gcp", mount="/secrets/gcp"),
        ),
        volumes=(Volume(claim="models", mount="/models"),),
        resources={
            "default": Resources(cpu=2, memory="8Gi"),
            "RetrievalTrainer": Resources(cpu=8, memory="32G", accelerator="nvidia.com/gpu", accelerators=1),
        },
    )
    spec, platform = documents(deployment=deployment)
    containers = {name: executor["container"] for name, (_, _, executor) in steps(spec).items()}
    assert containers["Pusher"]["resources"] == {"cpuLimit": 2.0, "memoryLimit": 8.589934592}  # 8 * 2^30 / 10^9
    assert containers["RetrievalTrainer"]["resources"] == {
        "cpuLimit": 8.0,
        "memoryLimit": 32.0,
        "accelerator": {"type": "nvidia.com/gpu", "count": "1"},
    }
    assert containers["Pusher"]["env"] == [{"name": "AWS_REGION", "value": "eu-central-1"}]
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(executors) == {f"{name}_executor" for name in containers}
    assert executors["Pusher_executor"] == {
        "imagePullSecret": [{"secretName": "registry"}],
        "secretAsEnv": [
            {"secretName": "minio", "keyToEnv": [{"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"}]}
        ],
        "secretAsVolume": [{"secretName": "gcp", "mountPath": "/secrets/gcp"}],
        "pvcMount": [{"constant": "models", "mountPath": "/models"}],
    }


def test_resources_of_a_step_that_there_is_not(demo):
    with pytest.raises(InputError, match="Retriever"):
        documents(deployment=Deployment(resources={"Retriever": Resources(cpu=2)}))
    assert len(demo) == 1  # and nothing to say is no platform document


def test_for_vertex_the_job_names_its_bucket_and_steps_read_it_themselves():
    from pipelines.config import load

    options = compiler.CompileOptions(image=IMAGE, pipeline_root="gs://bucket/root", target=compiler.VERTEX)
    job = json.loads(compiler.as_json(compiler.compile_recommender(load("demo"), options)))
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/root"
    for _, _, executor in steps(job["pipelineSpec"]).values():
        assert executor["container"]["command"][-1] == "--remote-uris"


@pytest.mark.parametrize(("root", "target"), [("/folder", "kubeflow"), ("", "kubeflow"), ("s3://bucket", "vertex")])
def test_a_pipeline_root_that_the_target_cannot_use(root, target):
    with pytest.raises(InputError, match="pipeline root"):
        compiler.CompileOptions(image=IMAGE, pipeline_root=root, target=target)


if __name__ == "__main__":
    SNAPSHOT.write_text(summary(documents()[0]), encoding="utf-8")
