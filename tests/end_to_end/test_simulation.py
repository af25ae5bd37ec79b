"""The loop, played: people ask, take and tell; the night exports, appends, trains, pushes; the server follows."""

import re
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


def test_two_days(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "simulate", "--days", "2", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    rows = [line.split(" | ") for line in done.stdout.splitlines() if re.match(r"\| \d", line)]
    assert [row[0] for row in rows] == ["| 1", "| 2"]
    rates = [[float(cell.split()[0]) for cell in row[1:4]] for row in rows]
    assert all(0.1 < rate < 0.9 for day in rates for rate in day)
    assert all(row[-1].strip(" |") == "yes" for row in rows)  # the second night's run stands on the first one's push
    versions = sorted(int(path.name) for path in (tmp_path / "run" / "pushed_model").iterdir() if path.name.isdigit())
    assert len(versions) == 3
    # Events count at once: who is asked with the history of before gets what was had already.
    static, events = (float(number) for number in re.findall(r"(?:static|events) (0\.\d+) \(", done.stdout)[-2:])
    assert events > static
    assert list(tmp_path.glob("requests-1-*.tfrecord")) and list(tmp_path.glob("requests-2-*.tfrecord"))
    assert (tmp_path / "simulation.svg").read_text().startswith("<svg ")
