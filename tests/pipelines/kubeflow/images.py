"""The images that `make images` builds, and whether they can be run here."""

from __future__ import annotations

import shutil
import subprocess

import pytest

PIPELINE = "localhost/tfx-recommenders:dev"
SERVING = "localhost/tfx-recommenders-serving:dev"


def docker(*arguments: object, check: bool = True) -> str:
    """What the command says."""
    done = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True)
    assert not (check and done.returncode), done.stderr
    return done.stdout.strip()


def require_image(name: str) -> None:
    """Skips the test where no engine runs or the image was not built."""
    if not shutil.which("docker"):
        pytest.skip("needs docker")
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("needs a running docker engine")
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode:
        pytest.skip(f"needs the image {name}: make images")


def compose_command() -> list[str]:
    """Compose as a plugin of docker or as a command of its own; skips the test where there is neither."""
    for command in (["docker", "compose"], ["docker-compose"]):
        found = shutil.which(command[0])
        if found and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    pytest.skip("needs docker compose")
