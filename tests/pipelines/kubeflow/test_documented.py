"""What docs/kubeflow*.md tell people to type: commands compile, manifests and Python know their fields."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from pathlib import Path

import pytest
import tomli
import yaml

from components.settings import from_mapping
from pipelines.kubeflow.deployment import Deployment
from tests.pipelines.commands import exit_code
from tests.serving.test_manifests import read_by_the_api
from tests.serving.test_nightly_manifests import options_of

DOCS = Path(__file__).parents[3] / "docs"
PAGES = {name: (DOCS / name).read_text(encoding="utf-8") for name in ("kubeflow.md", "kubeflow-operations.md")}


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, of both pages."""
    found = [pair for page in PAGES.values() for pair in re.findall(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S)]
    return [body for named, body in found if named == language]


def commands() -> list[list[str]]:
    """Every command of this project, in words."""
    lines = "\n".join(blocks("")).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("recommender ")]


COMPILED = [words for words in commands() if words[0] == "compile"]
OTHERS = [words for words in commands() if words[0] != "compile"]


@pytest.mark.parametrize("words", COMPILED, ids=lambda words: words[-1])
def test_what_is_compiled_compiles(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("models.toml").write_text(next(text for text in blocks("toml") if text.startswith("[[volumes]]")))
    output = tmp_path / words[words.index("--output") + 1]
    words = [str(output) if word == output.name else word for word in words]
    assert exit_code(*words) == 0
    assert output.stat().st_size > 10_000


@pytest.mark.parametrize("words", OTHERS, ids=lambda words: " ".join(words[:3]))
def test_other_commands_know_their_options(words):
    here = str(DOCS / "kubeflow.md")  # a file that is there, in place of one of a company's machine
    assert options_of([here if word.startswith("/etc/") else word for word in words])


def test_the_pages_have_both():
    assert len(COMPILED) >= 5
    assert len(OTHERS) >= 4


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.split("name: ")[1].split()[0])
def test_kubernetes_knows_every_field_of_the_manifests(text):
    for one in yaml.safe_load_all(text):
        assert read_by_the_api(one) == one


@pytest.mark.parametrize("text", blocks("toml"))
def test_deployments_are_read(text):
    deployment = from_mapping(Deployment, tomli.loads(text))
    assert deployment.secrets or deployment.volumes


def _signatures() -> dict[str, inspect.Signature]:
    import kfp
    from google.cloud import aiplatform

    return {
        "kfp.Client": inspect.signature(kfp.Client.__init__),
        "client.create_experiment": inspect.signature(kfp.Client.create_experiment),
        "client.create_recurring_run": inspect.signature(kfp.Client.create_recurring_run),
        "aiplatform.init": inspect.signature(aiplatform.init),
        "aiplatform.PipelineJob": inspect.signature(aiplatform.PipelineJob.__init__),
        "job.submit": inspect.signature(aiplatform.PipelineJob.submit),
        "job.create_schedule": inspect.signature(aiplatform.PipelineJob.create_schedule),
    }


def test_the_clients_know_every_argument_of_the_python():
    known = _signatures()
    inline = re.findall(r"`(job\.create_schedule\(.*?\))`", PAGES["kubeflow-operations.md"])
    calls = [node for text in [*blocks("python"), *inline] for node in ast.walk(ast.parse(text))]
    calls = [node for node in calls if isinstance(node, ast.Call)]
    assert len(calls) == len(known)
    for call in calls:
        parameters = known[ast.unparse(call.func)].parameters
        assert {keyword.arg for keyword in call.keywords} <= set(parameters), ast.unparse(call)
