"""The recipe of docs/serving.md, "A canary by labels", step by step, on models.config files that the document shows."""

import re
from pathlib import Path

import httpx
import pytest

from serving.models.config import read_models_config
from serving.models.registry import VersionsConfig
from serving.server import ServerConfig, running
from tests.serving.asking import address, wait_for
from tests.serving.test_metrics import PREFIX, samples
from tests.serving.tiny_models import publish, save_odd

DOCUMENT = Path(__file__).parents[2] / "docs" / "serving.md"


def steps():
    """The configurations of the recipe, in order."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text[text.index("## A canary by labels") :].split("\n## ", 1)[0]
    return re.findall(r"```\n(model_config_list .*?)```", section, re.DOTALL)


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "models" / "recommender"
    base.mkdir(parents=True)
    publish(save_odd(tmp_path / "odd"), base, 7)
    return base


def test_the_recipe(base, tmp_path):
    first, with_canary, moved = (text.replace("/models/recommender", str(base)) for text in steps())
    file = tmp_path / "models.config"
    file.write_text(first)
    config = ServerConfig(
        models=read_models_config(file),
        models_file=file,
        models_file_poll_seconds=0.1,
        rest_port=0,
        grpc_port=None,
        versions=VersionsConfig(poll_seconds=0.05, settle_seconds=0.05, allow_labels_for_unavailable=True),
    )

    with running(config) as server:

        def asked(label):
            url = f"{address(server)}/v1/models/recommender/labels/{label}:predict"
            answer = httpx.post(url, json={"instances": [1]}, timeout=60)
            return answer.status_code

        def version_of(label):
            counts = samples(server, f"{PREFIX}request_count")
            found = [dict(labels) for labels in counts if ("label", label) in labels and ("status", "OK") in labels]
            return {labels["version"] for labels in found}

        def is_ready():
            return httpx.get(f"{address(server)}/v1/health/ready", timeout=60).status_code == 200

        assert (asked("stable"), asked("canary")) == (200, 400)
        file.write_text(with_canary)
        wait_for(lambda: not is_ready())  # the label is there, its version is not
        assert asked("stable") == 200
        publish(base / "7", base, 8)
        wait_for(is_ready)
        assert (asked("stable"), asked("canary")) == (200, 200)
        assert (version_of("stable"), version_of("canary")) == ({"7"}, {"8"})  # what the two are compared by
        file.write_text(moved)
        wait_for(lambda: [servable.version for servable in server.models.available()] == [8])
        assert (asked("stable"), asked("canary")) == (200, 400)
        assert version_of("stable") == {"7", "8"}
        assert is_ready()
