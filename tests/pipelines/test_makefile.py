import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_make_alone_explains_every_target():
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"run", "test", "test-all", "check", "bench", "lock", "clean", "help"} <= set(targets)
    for target in targets:
        assert re.search(rf"^  {target} +\S", shown, re.MULTILINE), target
