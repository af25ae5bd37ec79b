"""`recommender export` on a real bundle."""

from __future__ import annotations

import shutil

import numpy as np

from serving.model import LoadedBundle
from tests.components.bundle.small_bundle import build_bundle
from tests.pipelines.commands import exit_code


def test_the_exported_version_keeps_its_number_and_is_never_written_over(tmp_path, capsys):
    bundle = build_bundle(
        tmp_path / "served" / "7",
        item_ids=["a", "b", "c"],
        genres=[[], [], []],
        vectors=np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]),
        biases=np.zeros(3),
        users={"Ann": [1]},
        test_rows={},
    )
    arguments = ("export", "--model", str(tmp_path / "served"), "--output", str(tmp_path / "stock"))
    assert exit_code(*arguments) == 0
    assert str(tmp_path / "stock" / "7") in capsys.readouterr().out
    shutil.rmtree(tmp_path / "served")  # the exported bundle stands alone
    assert LoadedBundle(tmp_path / "stock" / "7").recommend(["Ann"]) == bundle.recommend(["Ann"])
    assert [path.name for path in (tmp_path / "stock").iterdir()] == ["7"]
    shutil.copytree(tmp_path / "stock", tmp_path / "served")
    assert exit_code(*arguments) == 2
    assert "is there already" in capsys.readouterr().err
