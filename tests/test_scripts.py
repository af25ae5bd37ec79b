"""The scripts of the page and the report parse; what they do is asked in a browser, which takes minutes."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = [*(ROOT / "serving" / "page").glob("*.js"), *(ROOT / "components" / "report").rglob("*.js")]


@pytest.mark.parametrize("script", sorted(str(path.relative_to(ROOT)) for path in SCRIPTS))
def test_a_script_parses(tmp_path, script):
    driver = pytest.importorskip("playwright._impl._driver")
    node, _ = driver.compute_driver_executable()
    module = tmp_path / "script.mjs"
    shutil.copy(ROOT / script, module)
    done = subprocess.run([node, "--check", module], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
