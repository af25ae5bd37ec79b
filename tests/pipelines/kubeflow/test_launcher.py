"""Steps of the compiled pipeline, run by their container commands as Kubeflow runs them."""

from pathlib import Path

import pytest

from tests.datasets import ingest, read_rows
from tests.pipelines.kubeflow.compiled import IMAGE, ROOT, SMALL, documents, steps
from tests.pipelines.kubeflow.images import PIPELINE, require_image
from tests.pipelines.kubeflow.launcher import Launcher, StepFailedError

SEED = 9
SCANN = ("data.demo_movies=1100",)  # ScaNN from 1,000 movies on
LENIENT = ("evaluation.min_recall_lift=-1", "evaluation.max_peer_drop=1", "evaluation.max_rmse_ratio=3")
"""Thresholds that every bundle passes, given to the run: what it was compiled with would refuse so short a training."""


def imported_catalogue():
    """A pipeline of two: an Importer whose address is a runtime parameter, and a step that reads what it names."""
    import yaml
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.orchestration.pipeline import Pipeline
    from tfx.types import standard_artifacts

    from components.ingestion.component import RatingsExampleGen
    from components.settings import to_json
    from pipelines.config import load
    from pipelines.kubeflow import compiler
    from pipelines.kubeflow.runtime_parameters import Parameter

    config = load("demo", SMALL)
    uri = Parameter(name="catalogue_uri", default=None, kind=str, meaning="a catalogue that was written before")
    seed = Parameter(name="demo_seed", default=7, kind=int, meaning="of the data")
    movies = Importer(
        source_uri=uri.placeholder(),
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": '["all"]'},
    ).with_id("Movies")
    ratings = RatingsExampleGen(
        movies=movies.outputs["result"],
        config=to_json(config.data),
        split=to_json(config.split),
        fingerprint="",
        demo_seed=RuntimeParameter("demo_seed", ptype=int),
    )
    pipeline = Pipeline(pipeline_name="imported", pipeline_root=ROOT, components=[movies, ratings])
    options = compiler.CompileOptions(image=IMAGE, pipeline_root=ROOT)
    return yaml.safe_load(
        compiler.as_yaml(compiler.compile_pipeline(pipeline, [uri, seed], options), options.deployment)
    )


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """The catalogue by the real pipeline's first step, then the ratings behind an Importer."""
    folder = tmp_path_factory.mktemp("launched")
    first = Launcher(documents(overrides=SMALL)[0], folder / "first", arguments={"demo_seed": SEED})
    catalogue = first.run(["MoviesExampleGen"])["MoviesExampleGen"].outputs["examples"]
    second = Launcher(
        imported_catalogue(), folder / "second", arguments={"demo_seed": SEED, "catalogue_uri": catalogue.uri}
    )
    second.bucket.upload(first.bucket.path(catalogue.uri), catalogue.uri)
    return second, second.run()["RatingsExampleGen"].outputs


def test_a_step_reads_an_imported_artifact_and_writes_into_the_bucket_what_a_local_run_writes(launched, tmp_path):
    launcher, outputs = launched
    from components.ingestion.config import DataConfig

    data = DataConfig(demo_users=150, demo_movies=300, demo_ratings=9000, demo_seed=SEED)
    expected = ingest(tmp_path, data)
    for split in ("train", "eval", "test"):
        assert read_rows(f"{launcher.bucket.path(outputs['examples'].uri)}/Split-{split}/*") == expected.rows(split)


def test_metadata_are_numbers_and_texts_and_addresses_those_of_the_bucket(launched):
    _, outputs = launched
    assert outputs["examples"].uri.startswith("s3://bucket/root/imported/")
    assert outputs["examples"].metadata["users"] == 150.0
    assert outputs["examples"].metadata["split_names"] == '["train", "eval", "test"]'


def test_a_required_parameter_that_a_run_does_not_give(tmp_path):
    with pytest.raises(StepFailedError, match="catalogue_uri is not optional"):
        Launcher(imported_catalogue(), tmp_path)


def run_everything(folder: Path, containers: bool = False) -> Launcher:
    """Every step, to a version that is pushed into a volume."""
    models = folder / "models"
    where = "/models" if containers else str(models)
    (spec,) = documents(overrides=SMALL + SCANN, push_to=where)
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
    launcher = Launcher(spec, folder / "run", arguments=arguments, containers=containers, volumes={"/models": models})
    launcher.run()
    return launcher


def assert_pushed_and_answering(launcher: Launcher, models: Path) -> None:
    from serving.model import LoadedBundle

    assert launcher.done["Evaluator"].outputs["blessing"].metadata["blessed"] == 1.0
    (version,) = models.iterdir()
    pushed = launcher.done["Pusher"].outputs["pushed_model"].metadata
    assert (pushed["pushed"], pushed["pushed_version"]) == (1.0, version.name)
    bundle = LoadedBundle(version)
    (answer,) = bundle.recommend([bundle.known_users[0]])
    assert len({movie.id for movie in answer.movies}) == 10
    assert answer.source == "model"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_pipeline_ends_in_a_pushed_bundle_that_answers(tmp_path):
    launcher = run_everything(tmp_path)
    assert set(launcher.done) == set(steps(documents()[0]))
    assert_pushed_and_answering(launcher, tmp_path / "models")
    run_root = launcher.bucket.path(launcher.done["RetrievalTrainer"].outputs["model_run"].uri)
    assert '"epochs"' in (run_root / "training.json").read_text()
    report = launcher.bucket.path(launcher.done["RunReport"].outputs["report"].uri) / "report.html"
    assert "The bundle may be served." in report.read_text()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_whole_pipeline_in_containers_of_its_image_as_a_user_that_nobody_knows(tmp_path):
    require_image(PIPELINE)
    launcher = run_everything(tmp_path, containers=True)
    assert_pushed_and_answering(launcher, tmp_path / "models")
