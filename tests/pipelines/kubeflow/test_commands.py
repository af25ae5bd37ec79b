"""`recommender compile kubeflow` as a person uses it."""

import json

import yaml

from tests.pipelines.commands import exit_code

ALWAYS = ("--image", "registry/r:1", "--pipeline-root", "gs://bucket/root")
DEPLOYMENT = """
pull_secrets = ["registry"]
[[secrets]]
name = "minio"
env = { accesskey = "AWS_ACCESS_KEY_ID" }
[[volumes]]
claim = "data"
mount = "/data"
[steps.default]
cpu = 2
memory = "8Gi"
"""


def test_own_data_in_a_volume_with_everything_the_cluster_gives(tmp_path, capsys):
    deployment, output = tmp_path / "deployment.toml", tmp_path / "out" / "pipeline.yaml"
    deployment.write_text(DEPLOYMENT)
    code = exit_code(
        "compile", "kubeflow", *ALWAYS, "--ratings", "/data/r.csv", "--columns", "item=product",
        "--deployment", str(deployment), "--output", str(output),
    )  # fmt: skip
    assert code == 0
    said = capsys.readouterr()
    assert "digest" in said.err
    spec, platform = yaml.safe_load_all(output.read_text())
    assert f"{len(spec['root']['dag']['tasks'])} steps" in said.out
    assert output.read_text().startswith("# Pipeline recommender")
    assert spec["root"]["inputDefinitions"]["parameters"]["ratings"]["defaultValue"] == "/data/r.csv"
    config = spec["root"]["dag"]["tasks"]["ExampleGen"]["inputs"]["parameters"]["config"]
    assert json.loads(config["runtimeValue"]["constant"])["columns"] == ["item=product"]
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["Transform_executor"]["pvcMount"] == [
        {"pvcNameParameter": {"runtimeValue": {"constant": "data"}}, "mountPath": "/data"}
    ]


def test_mistakes_say_what_to_do_and_write_nothing(tmp_path, capsys):
    output = tmp_path / "pipeline.yaml"
    broken = tmp_path / "deployment.toml"
    for text, says in (
        ("volumes = 3", "volumes"),
        ("[steps.default]\nmemory = 'much'", "16G"),
        ("[steps.Trainer]\ncpu = 1", "RetrievalTrainer"),
        ("pull_secret = ['a']", "did you mean `pull_secrets`?"),
        ("[", "docs/kubeflow.md"),
    ):
        broken.write_text(text)
        assert exit_code("compile", "kubeflow", *ALWAYS, "--deployment", str(broken), "--output", str(output)) == 2
        assert says in capsys.readouterr().err
    for target, name in (("vertex", "pipeline.yaml"), ("kubeflow", "pipeline.json")):
        there = ("--target", target, "--output", str(tmp_path / name))
        assert exit_code("compile", "kubeflow", *ALWAYS, *there) == 2
        assert f"a pipeline for {target} cannot be a" in capsys.readouterr().err
        assert not (tmp_path / name).exists()
    nowhere = ("--image", "r", "--pipeline-root", "/tmp/root", "--output", str(output))
    assert exit_code("compile", "kubeflow", *nowhere) == 2
    assert "s3://bucket/folder" in capsys.readouterr().err
    assert not output.exists()
