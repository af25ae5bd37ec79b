"""Pushes to addresses that TensorFlow's file systems open; `ram://` stands for an object store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.errors import InputError
from components.push.publish import publish
from components.push.versions import complete_versions, newest_other
from components.storage import TensorFlowStorage, copy_tree, require_writable, storage_for, tree_digest
from tests.components.push.gcs_server import google_cloud_storage
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


@pytest.fixture(scope="module")
def s3() -> Iterator[None]:
    """An S3 server on a real socket, and the environment of a client of it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
        yield
    server.stop()


@pytest.mark.parametrize("base", ["s3://bucket/one/models", "minio://bucket/two/models"])
def test_a_push_into_an_s3_bucket_is_found_compared_and_copied_back(s3: None, tmp_path: Path, base: str) -> None:
    model = make_model(tmp_path / "model", "a")
    assert complete_versions(base) == []
    first = publish(model, base)
    assert first.path == f"{base}/{first.version}"
    assert complete_versions(base) == [first.version]
    assert tree_digest(first.path) == tree_digest(model)
    assert not publish(model, base).published
    second = publish(make_model(tmp_path / "other", "b"), base)
    assert complete_versions(base) == [first.version, second.version]
    other = newest_other(base, str(tmp_path / "other"))
    assert other is not None and other.version == first.version
    copy_tree(other.path, str(tmp_path / "copy"))
    assert tree_digest(str(tmp_path / "copy")) == tree_digest(model)


def test_in_a_bucket_a_folder_without_its_last_file_is_no_version(s3: None) -> None:
    storage_for("s3://bucket/x").write("s3://bucket/half/7/variables/variables.index", [b"1"])
    assert complete_versions("s3://bucket/half") == []
    assert not storage_for("s3://bucket/x").exists("s3://bucket/half/7/saved_model.pb")


def test_a_bucket_that_there_is_not_is_the_users_error(s3: None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nobucket"):
        publish(make_model(tmp_path / "model", "a"), "s3://nobucket/models")


@pytest.mark.slow
def test_a_push_into_google_cloud_storage_by_tensorflows_own_client(tmp_path: Path) -> None:
    model, other = make_model(tmp_path / "model", "a"), make_model(tmp_path / "other", "b")
    arguments = [model, other, "gs://bucket/models", str(tmp_path / "copy")]
    with google_cloud_storage(tmp_path, "bucket") as environment:
        done = subprocess.run(
            [sys.executable, "-m", "tests.components.push.push_to", *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    first, second = found["versions"]
    assert found["before"] == []
    assert found["published"] == [True, False, True]
    assert found["path"] == f"gs://bucket/models/{first}"
    assert found["complete"] == [first, second]
    assert found["compared"] == first
    assert found["same"]
    lies = tmp_path / "objects" / "bucket" / "models" / str(first) / "saved_model.pb"
    assert lies.read_text() == "graph a"


def test_a_place_is_tried_before_anything_is_trained(s3: None, tmp_path: Path) -> None:
    for place in ("s3://bucket/tried/models", str(tmp_path / "models")):
        require_writable(place)
        assert storage_for(place).names(place) == []
    (tmp_path / "file").touch()
    for place in ("s3://nobucket/models", str(tmp_path / "file")):
        with pytest.raises(InputError, match=f"cannot write to {place}"):
            require_writable(place)
