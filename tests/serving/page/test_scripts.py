"""The page's scripts parse; what they do is asked in a browser, which takes minutes (test_page.py)."""

import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "serving" / "page"


@pytest.mark.parametrize("script", sorted(path.name for path in PAGE.glob("*.js")))
def test_a_script_parses(tmp_path, script):
    driver = pytest.importorskip("playwright._impl._driver")
    node, _ = driver.compute_driver_executable()
    module = tmp_path / "script.mjs"
    shutil.copy(PAGE / script, module)
    done = subprocess.run([node, "--check", module], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
