"""The two images: who they run as, what they hold, and that the model server in its image answers and is healthy."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.pipelines.kubeflow.images import PIPELINE, SERVING, compose_command, docker, require_image
from tests.serving.client.scripted_servers import free_port

ANY_USER = "23456:0"
HEALTHY_SECONDS = 120
COMPOSE_FILE = Path(__file__).parents[3] / "serving" / "deploy" / "compose.yaml"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def in_image(image, *command):
    require_image(image)
    return docker("run", "--rm", "--network", "none", "--entrypoint", command[0], image, *command[1:])


@pytest.mark.parametrize("image", [PIPELINE, SERVING])
def test_an_image_is_nobody_in_particular_and_holds_no_compiler(image):
    assert in_image(image, "id", "-u") == "10001"
    assert in_image(image, "sh", "-c", "command -v g++ gcc cc uv make || true") == ""
    assert in_image(image, "sh", "-c", "find / -xdev -perm -o+w -type f -not -path '/proc/*' 2>/dev/null | head") == ""


def test_the_model_servers_image_has_no_pipeline_libraries():
    absent = "import importlib.util as u; print([n for n in ('tfx', 'apache_beam', 'kfp', 'pytest') if u.find_spec(n)])"
    assert in_image(SERVING, "python", "-c", absent) == "[]"
    present = "import importlib.util as u; print([n for n in ('tfx', 'apache_beam', 'kfp') if not u.find_spec(n)])"
    assert in_image(PIPELINE, "python", "-c", present) == "[]"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with one version of a real bundle, which any user may read."""
    from tests.serving.conftest import small_bundle

    require_image(SERVING)
    base = tmp_path_factory.mktemp("models")
    small_bundle(base / "7")
    for folder in (base, base.parent, base.parent.parent):  # pytest's own are closed to other users
        folder.chmod(0o755)
    return base


@pytest.fixture
def container(models):
    """The model server as any user, with nothing that it may write but /tmp."""
    options = ["--read-only", "--tmpfs", "/tmp", "--user", ANY_USER, "--cap-drop", "ALL"]
    ports = ["--publish", "127.0.0.1::8501", "--publish", "127.0.0.1::8500"]
    name = docker("run", "--detach", *options, *ports, "--volume", f"{models}:/models/recommender:ro", SERVING)
    yield name
    docker("rm", "--force", name)


def test_the_model_server_becomes_healthy_and_answers_rest_and_grpc(container):
    rest, grpc = (docker("port", container, port).splitlines()[0] for port in ("8501/tcp", "8500/tcp"))
    assert_healthy_and_answering(container, rest, grpc)


def test_compose_starts_a_model_server_that_becomes_healthy_answers_and_stops_in_time(models):
    rest, grpc = free_port(), free_port()
    environment = {**os.environ, "MODELS": str(models), "REST_PORT": str(rest), "GRPC_PORT": str(grpc)}
    command = [*compose_command(), "--project-name", f"test-{rest}", "--file", str(COMPOSE_FILE)]

    def compose(*arguments):
        done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    try:
        compose("up", "--detach")
        name = compose("ps", "--quiet", "recommender")
        assert_healthy_and_answering(name, f"127.0.0.1:{rest}", f"127.0.0.1:{grpc}")
        compose("stop")
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"  # SIGTERM sufficed
    finally:
        compose("down")


def assert_healthy_and_answering(container, rest, grpc):
    from serving.client.client import RecommenderClient

    state, end = "", time.monotonic() + HEALTHY_SECONDS
    while state != "healthy" and time.monotonic() < end:
        state = docker("inspect", "--format", "{{.State.Health.Status}}", container)
        time.sleep(1)
    assert state == "healthy", docker("logs", container, check=False)
    lists = []
    for address in (f"http://{rest}", f"grpc://{grpc}"):
        with RecommenderClient(address) as client:
            (answer,) = client.recommend(["ann"])
            lists.append([item.id for item in answer.items])
    assert lists[0] == lists[1]
    assert len(lists[0]) == 3
