"""Pushes to addresses that TensorFlow's file systems open; `ram://` stands for an object store."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import InputError
from components.push.publish import publish
from components.push.storage import TensorFlowStorage, copy_tree, storage_for, tree_digest
from components.push.versions import complete_versions, newest_other
from tests.components.push.test_publish import make_model


def test_a_push_to_an_address_has_the_same_tree_and_happens_once(tmp_path: Path) -> None:
    model, base = make_model(tmp_path / "model", "a"), "ram://bucket/models"
    first = publish(model, base)
    assert complete_versions(base) == [first.version]
    assert tree_digest(first.path) == tree_digest(model)
    assert not publish(model, base).published
    other = newest_other(base, make_model(tmp_path / "other", "b"))
    assert other is not None and other.path == f"{base}/{first.version}"
    copy_tree(other.path, str(tmp_path / "copy"))
    assert tree_digest(str(tmp_path / "copy")) == tree_digest(model)


def test_the_file_that_says_ready_is_copied_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = TensorFlowStorage.write

    def record(storage: TensorFlowStorage, path: str, chunks: object) -> None:
        written.append(path)
        write(storage, path, chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(TensorFlowStorage, "write", record)
    publish(make_model(tmp_path / "model", "a"), "ram://ordered")
    assert len(written) == 5
    assert written[-1].endswith("/saved_model.pb")


def test_a_scheme_that_nobody_opens_is_the_users_error() -> None:
    with pytest.raises(InputError, match="cannot open"):
        storage_for("nowhere://bucket/models")
