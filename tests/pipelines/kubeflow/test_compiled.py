"""The rules that open-source Kubeflow's API server, compiler, driver and launcher hold a pipeline to."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from components.errors import InputError
from pipelines.kubeflow import compiler
from pipelines.kubeflow.deployment import Affinity, Deployment, Keys, Step, Toleration, Volume
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
        assert executor["container"]["command"][:3] == ["python", "-m", "pipelines.kubeflow.entrypoint"]
        assert executor["container"]["image"] == IMAGE


def test_a_run_may_change_these_and_has_defaults_for_all(spec):
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    defaults = {name: one["defaultValue"] for name, one in parameters.items()}
    evaluation = json.loads(defaults.pop("evaluation"))
    assert defaults == {
        "demo_seed": 7,
        "ranking_epochs": 250,
        "ranking_learning_rate": 0.01,
        "retrieval_epochs": 20,
        "retrieval_learning_rate": 0.01,
    }
    assert parameters["retrieval_epochs"]["parameterType"] == "NUMBER_INTEGER"
    assert parameters["retrieval_learning_rate"]["parameterType"] == "NUMBER_DOUBLE"
    assert (evaluation["k"], evaluation["gates"]) == (100, {})


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


def test_versions_are_pushed_beside_the_pipeline_root_or_where_one_says():
    def destinations(spec):
        found = steps(spec)
        served = found["ServedModel"][0]["inputs"]["parameters"]["push_directory"]["runtimeValue"]["constant"]
        pushed = found["Pusher"][0]["inputs"]["parameters"]["push_destination"]["runtimeValue"]["constant"]
        return served, json.loads(pushed)["filesystem"]["base_directory"]

    bucket, _, path = ROOT.removeprefix("s3://").partition("/")
    assert destinations(documents()[0]) == (f"s3://{bucket}/pushed_model/{path}",) * 2
    assert destinations(documents(push_to="/models/recommender/")[0]) == ("/models/recommender",) * 2


def test_the_first_step_tries_to_write_where_versions_are_pushed_if_it_is_given_what_the_pusher_is():
    def commands(**options):
        found = steps(documents(push_to="s3://models/shop", **options)[0])
        return {name: executor["container"]["command"][3:] for name, (_, _, executor) in found.items()}

    place = ["--push-to", "s3://models/shop"]
    told = {name: command for name, command in commands().items() if command}
    first = {"ExampleGen": [*place, "--probe"]}
    assert told == {**first, "DataGate": place, "ServedModel": place, "Pusher": place}
    for step, probes in (("ExampleGen", True), ("ServedModel", False)):
        keys = Keys(name="rights", mount="/rights", steps=("Pusher", step))
        assert ("--probe" in commands(deployment=Deployment(secrets=(keys,)))["ExampleGen"]) is probes


def test_the_report_and_its_figures_are_shown_in_kubeflows_own_page(spec):
    outputs = steps(spec)["RunReport"][1]["outputDefinitions"]["artifacts"]
    shown = {key: one["artifactType"]["schemaTitle"] for key, one in outputs.items() if key != "report"}
    assert shown == {"page": "system.HTML", "metrics": "system.Metrics"}


def test_batch_scores_follow_the_push_where_they_are_asked_for(spec):
    assert "BatchScorer" not in steps(spec)
    found = steps(documents(overrides=("batch_scores.enabled=true",))[0])
    assert found["BatchScorer"][0]["dependentTasks"] == ["Pusher"]


def test_what_the_cluster_gives_each_step_and_all_of_them():
    gpu = Step(
        cpu=8,
        cpu_request=0.5,
        memory="32G",
        accelerator="nvidia.com/gpu",
        accelerators=1,
        node_selector={"pool": "gpu"},
        affinity=(Affinity(key="zone", values=("a", "b")), Affinity(key="spot", operator="DoesNotExist", weight=10)),
        tolerations=(Toleration(key="gpu", value="yes", effect="NoSchedule"),),
        labels={"team": "shop"},
        retries=2,
        deadline_seconds=3600,
    )
    deployment = Deployment(
        pull_secrets=("registry",),
        pull_policy="IfNotPresent",
        env={"AWS_REGION": "eu-central-1"},
        secrets=(Keys(name="s3", env={"id": "AWS_ACCESS_KEY_ID"}), Keys(name="gcp", mount="/gcp", steps=("Pusher",))),
        config_maps=(Keys(name="proxy", env={"url": "HTTPS_PROXY"}, steps=("ExampleGen",)),),
        volumes=(Volume(claim="models", mount="/models"),),
        steps={"default": Step(cpu=2, memory="8Gi"), "RetrievalTrainer": gpu},
    )
    spec, platform = documents(deployment=deployment, pipeline_root="gs://bucket/root")
    found = steps(spec)
    containers = {name: executor["container"] for name, (_, _, executor) in found.items()}
    assert containers["Pusher"]["resources"] == {"resourceCpuLimit": "2", "resourceMemoryLimit": "8Gi"}
    assert containers["RetrievalTrainer"]["resources"] == {
        "resourceCpuLimit": "8",
        "resourceCpuRequest": "0.5",
        "resourceMemoryLimit": "32G",
        "accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"},
    }
    assert containers["Pusher"]["env"] == [{"name": "AWS_REGION", "value": "eu-central-1"}]
    policies = {name: task["retryPolicy"] for name, (task, _, _) in found.items() if "retryPolicy" in task}
    assert policies == {"RetrievalTrainer": {"maxRetryCount": 2, "backoffDuration": "30s", "backoffFactor": 2.0}}
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(executors) == {f"{name}_executor" for name in containers}

    def constant(name):
        return {"runtimeValue": {"constant": name}}

    every = {
        "imagePullSecret": [{"secretNameParameter": constant("registry")}],
        "imagePullPolicy": "IfNotPresent",
        "secretAsEnv": [
            {"secretNameParameter": constant("s3"), "keyToEnv": [{"secretKey": "id", "envVar": "AWS_ACCESS_KEY_ID"}]}
        ],
        "pvcMount": [{"pvcNameParameter": constant("models"), "mountPath": "/models"}],
    }
    assert executors["Transform_executor"] == every
    gcp = {"secretAsVolume": [{"secretNameParameter": constant("gcp"), "mountPath": "/gcp"}]}
    assert executors["Pusher_executor"] == every | gcp
    proxy = {
        "configMapNameParameter": constant("proxy"),
        "keyToEnv": [{"configMapKey": "url", "envVar": "HTTPS_PROXY"}],
    }
    assert executors["ExampleGen_executor"] == every | {"configMapAsEnv": [proxy]}
    assert executors["RetrievalTrainer_executor"] == every | {
        "nodeSelector": {"labels": {"pool": "gpu"}},
        "nodeAffinity": [
            {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]},
            {"matchExpressions": [{"key": "spot", "operator": "DoesNotExist"}], "weight": 10},
        ],
        "tolerations": [{"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}],
        "podMetadata": {"labels": {"team": "shop"}},
        "activeDeadlineSeconds": "3600",
    }


@pytest.mark.parametrize(
    "deployment",
    [
        Deployment(steps={"Retriever": Step(cpu=2)}),
        Deployment(volumes=(Volume(claim="c", mount="/c", steps=("Retriever",)),)),
    ],
)
def test_a_step_that_there_is_not(deployment):
    with pytest.raises(InputError, match="Retriever"):
        documents(deployment=deployment)
    assert len(documents(pipeline_root="gs://bucket/root")) == 1  # and nothing to say is no platform document


def test_pushing_into_kubeflows_own_store_takes_its_secret_unless_another_is_given():
    def secrets(**options):
        found = documents(pipeline_root="minio://mlpipeline/recommender", **options)
        executors = found[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if len(found) > 1 else {}
        executors = {label: one for label, one in executors.items() if "secretAsEnv" in one}
        names = {label: one["secretAsEnv"][0]["secretNameParameter"] for label, one in executors.items()}
        return {label: name["runtimeValue"]["constant"] for label, name in names.items()}

    own = "mlpipeline-minio-artifact"
    opening = ("ExampleGen", "DataGate", "ServedModel", "Pusher")
    assert secrets() == {f"{step}_executor": own for step in opening}
    assert secrets(push_to="/models") == {}
    mine = Keys(name="mine", env={"a": "AWS_ACCESS_KEY_ID", "b": "AWS_SECRET_ACCESS_KEY"}, steps=opening)
    assert set(secrets(deployment=Deployment(secrets=(mine,))).values()) == {"mine"}


@pytest.mark.parametrize(
    ("place", "env", "told"),
    [
        ("minio://mlpipeline/models", {}, True),
        ("s3://bucket/models", {}, True),
        ("s3://bucket/models", {"AWS_ENDPOINT_URL": "http://store:9000"}, False),
        ("/models", {}, False),
    ],
)
def test_steps_that_open_a_store_learn_its_address_from_kubeflows_own_settings(place, env, told):
    found = documents(push_to=place, deployment=Deployment(env=env))
    executors = found[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if len(found) > 1 else {}
    sources = executors.get("DataGate_executor", {}).get("configMapAsEnv", [])
    settings = {
        "configMapNameParameter": {"runtimeValue": {"constant": "kfp-launcher"}},
        "keyToEnv": [{"configMapKey": "providers", "envVar": "RECOMMENDER_KUBEFLOW_PROVIDERS"}],
        "optional": True,
    }
    assert sources == ([settings] if told else [])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"pipeline_root": "s3://bucket"}, "a whole bucket"),
        ({"pipeline_root": "s3://bucket/root", "remote_uris": True}, "cannot open s3://bucket/root themselves"),
        (
            {"pipeline_root": "s3://bucket/root", "beam_args": ("--runner=FlinkRunner", "--job_endpoint=flink:8099")},
            "workers of FlinkRunner",
        ),
        (
            {
                "pipeline_root": "gs://b/root",
                "remote_uris": True,
                "beam_args": ("--runner=FlinkRunner", "--flink_master=flink:8081"),
            },
            "which has no Java",
        ),
        (
            {
                "pipeline_root": "gs://b/root",
                "remote_uris": True,
                "beam_args": ("--runner=FlinkRunner", "--flink_master=[local]", "--job_server_java_launcher=java"),
            },
            "Flink itself would be started",
        ),
        ({"pipeline_root": "gs://bucket/root", "beam_args": ("--runner=DataflowRunner",)}, "workers of DataflowRunner"),
        ({"pipeline_root": "gs://b/root", "target": "vertex", "push_to": "/models"}, "do not see /models"),
        ({"pipeline_root": "gs://b/root", "push_to": "/models"}, "no volume is mounted at /models"),
        (
            {
                "pipeline_root": "gs://b/root",
                "push_to": "/models/shop",
                "deployment": Deployment(volumes=(Volume(claim="m", mount="/models", steps=("ServedModel",)),)),
            },
            "no volume is mounted at /models/shop",
        ),
        (
            {
                "pipeline_root": "gs://b/root",
                "target": "vertex",
                "deployment": Deployment(
                    pull_secrets=("r",), steps={"default": Step(accelerator="nvidia.com/gpu", accelerators=1)}
                ),
            },
            r"nothing for pull_secrets, steps\.default\.accelerator = nvidia\.com/gpu",
        ),
    ],
)
def test_what_the_target_cannot_do_is_refused_when_it_is_compiled(options, says):
    with pytest.raises(InputError, match=says) as error:
        compiler.CompileOptions(image=IMAGE, **options)
    assert error.value.action


def test_on_vertex_resources_are_numbers_and_steps_are_tried_again():
    from pipelines.config import load

    step = Step(cpu=8, memory="8Gi", accelerator="NVIDIA_TESLA_T4", accelerators=1, retries=1)
    options = compiler.CompileOptions(
        image=IMAGE, pipeline_root="gs://b/root", target=compiler.VERTEX, deployment=Deployment(steps={"Pusher": step})
    )
    job = json.loads(compiler.as_json(compiler.compile_recommender(load("demo"), options)))
    task, _, executor = steps(job["pipelineSpec"])["Pusher"]
    assert executor["container"]["resources"] == {
        "cpuLimit": 8.0,
        "memoryLimit": 8.589934592,  # 8 * 2^30 / 10^9
        "accelerator": {"type": "NVIDIA_TESLA_T4", "count": "1"},
    }
    assert task["retryPolicy"]["maxRetryCount"] == 1


def test_for_vertex_the_job_names_its_bucket_and_steps_read_it_themselves():
    from pipelines.config import load

    options = compiler.CompileOptions(image=IMAGE, pipeline_root="gs://bucket/root", target=compiler.VERTEX)
    job = json.loads(compiler.as_json(compiler.compile_recommender(load("demo"), options)))
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/root"
    for _, _, executor in steps(job["pipelineSpec"]).values():
        assert executor["container"]["command"][3] == "--remote-uris"
    assert set(steps(job["pipelineSpec"])["RunReport"][1]["outputDefinitions"]["artifacts"]) == {"report"}


@pytest.mark.parametrize(("root", "target"), [("/folder", "kubeflow"), ("", "kubeflow"), ("s3://bucket", "vertex")])
def test_a_pipeline_root_that_the_target_cannot_use(root, target):
    with pytest.raises(InputError, match="pipeline root"):
        compiler.CompileOptions(image=IMAGE, pipeline_root=root, target=target)


if __name__ == "__main__":
    SNAPSHOT.write_text(summary(documents()[0]), encoding="utf-8")
