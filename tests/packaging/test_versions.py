"""Where the project's version and those of its two locks are written down, they agree."""

import re
from importlib import metadata
from pathlib import Path

import pytest

from pipelines.cli.doctor import LOCKS, read_pins

ROOT = Path(__file__).parents[2]
VERSION = re.search(r'^VERSION = "(.+)"$', (ROOT / "setup.py").read_text(), re.MULTILINE).group(1)


def test_the_projects_version_is_the_same_everywhere():
    assert metadata.version("tfx-recommenders") == VERSION
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"newTag: {VERSION}\n" in (ROOT / "serving/deploy/kubernetes/kustomization.yaml").read_text()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_the_bootstrap_and_doctor_choose_alike(lock):
    bootstrap = (ROOT / "tools" / "bootstrap.sh").read_text()
    minors = re.search(rf'LOCK={re.escape(lock.name)} MINORS="([^"]+)"', bootstrap).group(1).split()
    assert {f"{major}.{minor}" for major, minor in lock.pythons} == set(minors)
    newest = max(LOCKS, key=lambda one: one.least_glibc)
    assert f"NEEDED_GLIBC={'.'.join(map(str, newest.least_glibc))} " in bootstrap


@pytest.mark.parametrize("part", ["requirements-pipeline.lock", "requirements-serving.lock"])
def test_an_image_holds_versions_of_the_whole_lock(part):
    whole = read_pins((ROOT / "requirements.lock").read_text())
    pins = read_pins((ROOT / part).read_text())
    assert pins["tensorflow"] == "2.20.0"
    assert pins.items() <= whole.items()


def test_an_override_is_what_the_lock_has():
    overrides = read_pins((ROOT / "overrides.txt").read_text())
    assert set(overrides) == {"tensorflow", "pyfarmhash", "google-apitools"}
    assert overrides.items() <= read_pins((ROOT / "requirements.lock").read_text()).items()
