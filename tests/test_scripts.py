"""The scripts of the page and the report parse; what they do is asked in a browser, which takes minutes."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = [*(ROOT / "serving" / "rest" / "page").glob("*.js"), *(ROOT / "components" / "report").rglob("*.js")]


@pytest.fixture(scope="module")
def node():
    driver = pytest.importorskip("playwright._impl._driver")
    found = shutil.which("node") or driver.compute_driver_executable()[0]
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    if done.returncode:  # playwright's needs libatomic1, which a bare Debian 13 lacks
        pytest.skip(f"Node.js does not run here: {done.stderr.strip()}")
    return found


@pytest.mark.parametrize("script", sorted(str(path.relative_to(ROOT)) for path in SCRIPTS))
def test_a_script_parses(tmp_path, node, script):
    module = tmp_path / "script.mjs"
    shutil.copy(ROOT / script, module)
    done = subprocess.run([node, "--check", module], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
