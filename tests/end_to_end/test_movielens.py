"""The preset on real MovieLens, from the archive in a folder."""

from __future__ import annotations

import pytest

from tests.datasets import movielens_folder
from tests.end_to_end.command import run


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_movielens_latest_small_is_blessed_and_clearly_beats_its_baselines(tmp_path):
    places = ("--manual-dir", movielens_folder(), "--data-dir", tmp_path / "data")
    ended = run(tmp_path / "run", "--preset", "movielens-latest-small", *places, "--require-blessing")
    assert ended.done.code == 0, ended.done.text
    summary = ended.summary
    data, metrics = summary["data"], summary["evaluation"]["metrics"]
    assert sum(data["rows"].values()) + data["duplicates_dropped"] == 100_836
    assert (data["users"], data["items"], data["split"]) == (610, 9_742, "leave_last")
    assert (summary["index"]["kind"], summary["index"]["size"]) == ("scann", 9_742)
    assert metrics["recall_at_100"]["model"] > 1.3 * metrics["recall_at_100"]["baseline"]
    assert ended.gates["recall_lift"]["value"] > 0.02
    assert metrics["rmse"]["model"] < metrics["rmse"]["baseline"]
    assert summary["push"]["pushed"]
