"""The command line starts with what every installation has: an extra brings the rest of a command, not its start."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOADED = """
import sys
from pathlib import Path
from importlib.metadata import distributions
from pipelines.cli.main import main
owners = {}
for one in distributions():
    for file in one.files or ():
        root = Path(file.parts[0]).name.partition(".")[0]
        owners.setdefault(root, set()).add(one.metadata["Name"].lower().replace("_", "-"))
loaded = [name for name, module in sys.modules.items() if "." not in name and getattr(module, "__file__", None)]
print(*{owner for name in loaded for owner in owners.get(name, ())})
"""


def closure(names):
    """Distributions with all that they require, extras left out; names in small letters."""
    found = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        needed = [line for line in requires(name) or () if "extra ==" not in line]
        waiting += [re.match(r"[\w.-]+", line)[0].lower() for line in needed]
    return found


def test_the_command_line_starts_with_the_base_requirements_alone():
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    base = re.findall(r'"([\w-]+)[^"]*"', re.search(r"install_requires=\[(.*?)\]", text)[1])
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    start_up = {"tfx-recommenders", "setuptools", "pip", "pytest-cov", "coverage"}  # what Python's own start loads
    assert set(done.stdout.split()) - start_up - closure(base) == set()
