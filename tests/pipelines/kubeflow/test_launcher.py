"""Steps of the compiled pipeline, run by their container commands as Kubeflow runs them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.baselines.peers import FAR_TRANSITIONS
from components.push.versions import complete_versions
from components.storage import storage_for
from tests.components.baselines.test_peer_lists import judged_rows
from tests.datasets import ingest, read_rows
from tests.pipelines.kubeflow.compiled import IMAGE, ROOT, SMALL, documents, steps
from tests.pipelines.kubeflow.images import PIPELINE, require_image
from tests.pipelines.kubeflow.launcher import Launcher, StepFailedError

SEED = 9
SCANN = ("data.demo_items=1100",)  # ScaNN from 1,000 items on
LENIENT = tuple(
    f"evaluation.gates.{bound}" for bound in ("recall_lift.bound=-1", "recall_peer.rule=none", "rmse_ratio.bound=3")
)
"""Thresholds that every bundle passes, given to the run: what it was compiled with would refuse so short a training."""


PROPERTIES = {"refit": 0, "liked_from": "", "leave_out_seen": "always"}
SPLITS = {"examples": ["eval", "test"], "entities": ["items", "users"], "sequences": ["all"]}


def imported_examples():
    """A pipeline of Importers whose addresses are runtime parameters, and a step that reads what they name."""
    import yaml
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts

    from components.baselines.component import PeerLists
    from components.baselines.config import PeersConfig
    from components.settings import to_json
    from pipelines.kubeflow import compiler
    from pipelines.kubeflow.runtime_parameters import RunParameter

    uris = {
        key: RunParameter(name=f"{key}_uri", default=None, kind=str, meaning="what was written before")
        for key in SPLITS
    }
    importers = {
        key: Importer(
            source_uri=uris[key].placeholder(),
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": json.dumps(splits)},
            custom_properties=PROPERTIES,
        ).with_id(key.capitalize())
        for key, splits in SPLITS.items()
    }
    peers = PeerLists(
        examples=importers["examples"].outputs["result"],
        items=importers["entities"].outputs["result"],
        sequences=importers["sequences"].outputs["result"],
        config=to_json(PeersConfig()),
        judged_k=100,
    )
    pipeline = Pipeline(pipeline_name="imported", pipeline_root=ROOT, components=[*importers.values(), peers])
    options = compiler.CompileOptions(image=IMAGE, pipeline_root=ROOT)
    return yaml.safe_load(
        compiler.as_yaml(compiler.compile_pipeline(pipeline, list(uris.values()), options), options.deployment)
    )


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """What a local run writes of the same data."""
    from components.ingestion.config import DataConfig

    data = DataConfig(demo_users=150, demo_items=300, demo_ratings=9000, demo_seed=SEED)
    return ingest(tmp_path_factory.mktemp("local"), data)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The real pipeline's first step."""
    folder = tmp_path_factory.mktemp("first")
    spec, _ = documents(overrides=SMALL, push_to=str(folder / "models"))
    launcher = Launcher(spec, folder, arguments={"demo_seed": SEED})
    return launcher, launcher.run(["ExampleGen"])["ExampleGen"].outputs


@pytest.fixture(scope="module")
def second(first, tmp_path_factory):
    """A step behind Importers of what it has written."""
    before, written = first
    addresses = {f"{key}_uri": written[key].uri for key in SPLITS}
    launcher = Launcher(imported_examples(), tmp_path_factory.mktemp("second"), arguments=addresses)
    for address in addresses.values():
        launcher.bucket.upload(before.bucket.path(address), address)
    return launcher, launcher.run()["PeerLists"].outputs


def test_a_step_writes_into_the_bucket_what_a_local_run_writes(first, local):
    launcher, outputs = first
    written = {key: launcher.bucket.path(outputs[key].uri) for key in SPLITS}
    for split in SPLITS["examples"]:
        assert read_rows(f"{written['examples']}/Split-{split}/*") == local.rows(split)
    assert read_rows(f"{written['sequences']}/Split-all/*") == read_rows(local.sequences_pattern)
    assert read_rows(f"{written['entities']}/Split-items/*") == read_rows(local.items_pattern)


def test_a_step_reads_imported_artifacts(second, local, tmp_path):
    launcher, outputs = second
    expected, peer = judged_rows(local, tmp_path)
    assert read_rows(f"{launcher.bucket.path(outputs['judged_rows'].uri)}/Split-test/*") == expected
    assert outputs["judged_rows"].metadata["peer"] == peer == FAR_TRANSITIONS


def test_metadata_are_numbers_and_texts_and_addresses_those_of_the_bucket(first, second):
    _, outputs = first
    assert outputs["examples"].metadata["users"] == 150.0
    assert outputs["examples"].metadata["leave_out_seen"] == "always"
    assert outputs["examples"].metadata["split_names"] == '["eval", "test"]'
    _, outputs = second
    assert outputs["judged_rows"].uri.startswith("s3://bucket/root/imported/")


def test_a_required_parameter_that_a_run_does_not_give(tmp_path):
    with pytest.raises(StepFailedError, match="_uri is not optional"):
        Launcher(imported_examples(), tmp_path)


def run_everything(
    folder: Path,
    *,
    push_to: str,
    overrides: tuple[str, ...] = (),
    containers: bool = False,
    cluster: Mapping[str, Mapping[str, str]] | None = None,
    **options: Any,
) -> Launcher:
    """Every step, to a version that is pushed."""
    spec, *platform = documents(overrides=SMALL + SCANN + overrides, push_to=push_to, **options)
    if containers:
        for _, _, executor in steps(spec).values():
            executor["container"]["image"] = PIPELINE
    lenient = documents(overrides=SMALL + SCANN + LENIENT)[0]["root"]["inputDefinitions"]["parameters"]
    arguments = {
        "demo_seed": SEED,
        "retrieval_epochs": 4,
        "ranking_learning_rate": 0.02,
        "evaluation": lenient["evaluation"]["defaultValue"],
    }
    launcher = Launcher(
        spec,
        folder / "run",
        arguments=arguments,
        containers=containers,
        volumes={"/models": folder / "models"},
        platform=platform[0] if platform else None,
        cluster=cluster,
    )
    launcher.run()
    return launcher


def assert_pushed_and_answering(launcher: Launcher, models: Path) -> None:
    from serving.model import LoadedBundle

    assert launcher.done["Evaluator"].outputs["blessing"].metadata["blessed"] == 1.0
    (version,) = [folder for folder in models.iterdir() if folder.name.isdigit()]
    assert (models / "judged" / version.name / "saved_model.pb").is_file()
    pushed = launcher.done["Pusher"].outputs["pushed_model"].metadata
    assert (pushed["pushed"], pushed["pushed_version"]) == (1.0, version.name)
    bundle = LoadedBundle(version)
    (answer,) = bundle.recommend([bundle.known_users[0]])
    assert len({item.id for item in answer.items}) == 10
    assert answer.source == "model"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_pipeline_ends_in_a_pushed_bundle_that_answers(tmp_path):
    launcher = run_everything(tmp_path, push_to=str(tmp_path / "models"))
    assert set(launcher.done) == set(steps(documents()[0]))
    assert_pushed_and_answering(launcher, tmp_path / "models")
    run_root = launcher.bucket.path(launcher.done["RetrievalTrainer"].outputs["model_run"].uri)
    assert '"epochs"' in (run_root / "training.json").read_text()
    outputs = launcher.done["RunReport"].outputs
    page = launcher.bucket.path(outputs["page"].uri)
    assert "The bundle may be served." in page.read_text()
    assert page.read_text() == (launcher.bucket.path(outputs["report"].uri) / "report.html").read_text()
    assert (outputs["metrics"].metadata["blessed"], 0 < outputs["metrics"].metadata["ndcg_at_10"] < 1) == (1.0, True)


@pytest.fixture
def store(monkeypatch) -> dict[str, dict[str, str]]:
    """An S3 server in the place of Kubeflow's own store, as the cluster's secret and ConfigMap tell of it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"minio": {"default": {"endpoint": f"{host}:{port}", "disableSSL": True, "region": "minio"}}}
    for name, value in (("ENDPOINT_URL", f"http://{host}:{port}"), ("ACCESS_KEY_ID", "id"), ("SECRET_ACCESS_KEY", "k")):
        monkeypatch.setenv(f"AWS_{name}", value)
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="mlpipeline")
    yield {
        "mlpipeline-minio-artifact": {"accesskey": "id", "secretkey": "k"},
        "kfp-launcher": {"providers": json.dumps(settings)},
    }
    server.stop()


def test_a_push_destination_that_cannot_be_written_is_told_by_the_first_step(store, tmp_path):
    spec, platform = documents(overrides=SMALL, push_to="minio://nobucket/models")
    launcher = Launcher(spec, tmp_path, arguments={"demo_seed": SEED}, platform=platform, cluster=store)
    with pytest.raises(
        StepFailedError, match=r"ExampleGen ended with 2:(?s:.*)error: cannot .*minio://nobucket/models"
    ):
        launcher.run(["ExampleGen"])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_pipeline_pushes_into_kubeflows_own_store_by_what_the_cluster_tells_and_scores_from_there(
    store, tmp_path
):
    launcher = run_everything(
        tmp_path,
        pipeline_root="minio://mlpipeline/recommender",
        push_to="",
        overrides=("batch_scores.enabled=true",),
        cluster=store,
    )
    pushed = launcher.done["Pusher"].outputs["pushed_model"].metadata
    place = "minio://mlpipeline/pushed_model/recommender"
    assert pushed["pushed_destination"] == f"{place}/{pushed['pushed_version']}"
    assert complete_versions(place) == [int(pushed["pushed_version"])]
    assert set(storage_for(place).names(place)) == {"judged", pushed["pushed_version"]}  # and no probe
    assert launcher.done["BatchScorer"].outputs["scores"].metadata["users"] == 150.0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_pipeline_in_containers_of_its_image_as_a_user_that_nobody_knows(tmp_path):
    require_image(PIPELINE)
    launcher = run_everything(tmp_path, push_to="/models", containers=True)
    assert_pushed_and_answering(launcher, tmp_path / "models")
