"""The package as a stranger installs it: by plain pip, an extra at a time, without any lock."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.model import LoadedBundle
from tests.components.bundle.small_bundle import random_bundle
from tests.serving.client.scripted_servers import free_port

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
START_SECONDS = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ASK = """
import json, sys
from serving.client import RecommenderClient
with RecommenderClient(sys.argv[1]) as client:
    (answer,) = client.recommend(["v"], n=5, filters=["genres=Odd"])
print(json.dumps([[item.id, round(item.score, 4)] for item in answer.items]))
"""
MISSING = """
import sys
from serving.client import RecommenderClient
try:
    RecommenderClient(sys.argv[1])
except ImportError as error:
    print(error)
"""


@dataclasses.dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    def run(self, *command: str, code: int = 0) -> str:
        """Runs a command of it outside the checkout; what it says."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
        done = subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            cwd=self.folder,
            env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout + (done.stderr if code else "")


def find_python(minor: str) -> str | None:
    """A Python that runs, of this process, PATH or pyenv."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == minor:
        return sys.executable
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{minor}.*/bin/python3"))
    for candidate in (shutil.which(f"python{minor}"), *map(str, reversed(pyenv))):
        if candidate and subprocess.run([candidate, "-c", "import venv, ssl"], capture_output=True).returncode == 0:
            return candidate
    return None


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """The wheel and the sdist, by suffix."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".*", "runs", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    build = [str(ROOT / "tools" / "bootstrap.sh"), "uv", "build", "--quiet", "--out-dir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def install(folder: Path, python: str, what: str) -> Environment:
    subprocess.run([python, "-m", "venv", folder], check=True)
    environment = Environment(folder)
    environment.run("pip", "install", "--quiet", "--disable-pip-version-check", what)
    environment.run("pip", "check")
    return environment


@pytest.fixture(scope="module")
def serving(request, built, tmp_path_factory) -> Environment:
    """The wheel with the extra `serving`, on one Python."""
    python = find_python(request.param)
    if python is None:
        pytest.skip(f"there is no Python {request.param} on this machine")
    return install(tmp_path_factory.mktemp("serving") / "venv", python, f"{built['wheel']}[serving]")


@pytest.fixture(scope="module")
def client(built, tmp_path_factory) -> Environment:
    """The sdist with the extra `client`, on the Python of the tests."""
    return install(tmp_path_factory.mktemp("client") / "venv", sys.executable, f"{built['sdist']}[client]")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> LoadedBundle:
    """A bundle with a ScaNN index as version 1, made by this environment."""
    return random_bundle(tmp_path_factory.mktemp("models") / "1", 120, scann=True)


@contextlib.contextmanager
def served(environment: Environment, models: Path) -> Iterator[tuple[str, str]]:
    """`recommender serve` of an environment; its addresses."""
    rest, grpc = free_port(), free_port()
    log = environment.folder / "server.log"
    command = [environment.folder / "bin" / "recommender", "serve", f"--model-base-path={models}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--rest-api-port={rest}", f"--port={grpc}"], cwd=models, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while f"gRPC  127.0.0.1:{grpc}" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{rest}", f"grpc://127.0.0.1:{grpc}"
    finally:
        process.terminate()
        assert process.wait(60) == 0, log.read_text()


@pytest.mark.parametrize("serving", PYTHONS, indirect=True)
def test_the_serving_extra_serves_a_real_bundle_over_rest_and_grpc(serving, client, bundle):
    (answer,) = bundle.recommend(["v"], n=5, filters=["genres=Odd"])
    expected = [[item.id, pytest.approx(item.score, abs=2e-4)] for item in answer.items]
    assert len(expected) == 5
    with served(serving, bundle.path.parent) as (rest, grpc):
        assert json.loads(client.run("python", "-c", ASK, rest).splitlines()[-1]) == expected
        assert json.loads(serving.run("python", "-c", ASK, grpc).splitlines()[-1]) == expected
    assert re.search("extra serving +complete", serving.run("recommender", "doctor"))
    missing = serving.run("recommender", "run", code=1)
    assert "pip install 'tfx-recommenders[pipeline]'" in missing
    assert "Traceback" not in missing


def test_the_client_extra_is_light_and_says_what_grpc_needs(client, bundle):
    assert "tensorflow" not in client.run("pip", "list")
    assert "pip install 'tfx-recommenders[serving]'" in client.run("python", "-c", MISSING, "grpc://127.0.0.1:1")
    assert "pip install 'tfx-recommenders[serving]'" in client.run(
        "recommender", "serve", f"--model-base-path={bundle.path}", code=1
    )
    client.run("recommender", "--help")


def test_the_wheel_and_the_sdist_hold_what_is_needed_and_no_tests(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        inside = set(wheel.namelist())
        (metadata,) = (name for name in inside if name.endswith("/METADATA"))
        text = wheel.read(metadata).decode()
    for package in ("pipelines", "components", "serving"):
        assert f"{package}/py.typed" in inside
    assert "serving/rest/page/index.html" in inside
    assert not [name for name in inside if name.startswith(("tests/", "benchmarks/"))]
    assert "Project-URL: Changelog, https://" in text
    assert not [line for line in text.splitlines() if "](docs/" in line or "](serving/" in line]
    with tarfile.open(built["sdist"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"setup.py", "README.md", "LICENSE", "serving/rest/page/index.html"} <= names
