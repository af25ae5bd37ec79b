"""What a step learns of Kubeflow's own store, and what it takes away behind TensorFlow's file system."""

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from components.errors import InputError
from pipelines.kubeflow.store import PROVIDERS_VARIABLE, remove_folder_markers, settings_of_kubeflow

PROVIDERS = """
minio:
  default:
    endpoint: seaweedfs.kubeflow:9000
    region: minio
    disableSSL: "true"
    credentials: {fromEnv: false, secretRef: {secretName: mine, accessKeyKey: id, secretKeyKey: key}}
s3:
  default:
    endpoint: https://s3.example.com
    credentials: {fromEnv: true}
  overrides:
    - {bucketName: models, keyPrefix: shop/, endpoint: "other.example.com", region: eu-central-1}
"""
KEYS = {PROVIDERS_VARIABLE: PROVIDERS, "AWS_ACCESS_KEY_ID": "id"}


@pytest.mark.parametrize(
    ("place", "settings"),
    [
        ("minio://mlpipeline/x", {"AWS_ENDPOINT_URL": "http://seaweedfs.kubeflow:9000", "AWS_REGION": "minio"}),
        ("s3://bucket/x", {"AWS_ENDPOINT_URL": "https://s3.example.com"}),
        ("s3://models/shop/x", {"AWS_ENDPOINT_URL": "https://other.example.com", "AWS_REGION": "eu-central-1"}),
        ("s3://models/other", {"AWS_ENDPOINT_URL": "https://s3.example.com"}),
        ("gs://bucket/x", {}),
        ("/models", {}),
    ],
)
def test_the_address_of_a_store_is_that_of_kubeflows_own_settings(place, settings):
    assert settings_of_kubeflow(place, KEYS) == settings
    assert settings_of_kubeflow(place, {}) == {}


def test_what_the_deployment_sets_stays():
    mine = {"AWS_ENDPOINT_URL": "http://mine:9000", "AWS_REGION": "eu"}
    assert settings_of_kubeflow("minio://mlpipeline/x", {**KEYS, **mine}) == {}


def test_a_secret_that_the_step_was_not_given_is_named_with_its_keys():
    with pytest.raises(InputError, match="no credentials of minio://mlpipeline/x") as error:
        settings_of_kubeflow("minio://mlpipeline/x", {PROVIDERS_VARIABLE: PROVIDERS})
    assert 'name = "mine"' in error.value.action
    assert 'id = "AWS_ACCESS_KEY_ID"' in error.value.action


@pytest.mark.parametrize("text", ["a: [", "- 1", "minio: [1]", "minio: {default: 3}"])
def test_settings_that_cannot_be_read(text):
    with pytest.raises(InputError, match="kfp-launcher"):
        settings_of_kubeflow("minio://bucket/x", {PROVIDERS_VARIABLE: text})


class Bucket(ThreadingHTTPServer):
    """As much of Google Cloud Storage's JSON API as lists and deletes objects."""

    def __init__(self, objects):
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects = dict(objects)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        prefix = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["prefix"][0]
        found = {name: size for name, size in self.server.objects.items() if name.startswith(prefix)}
        body = json.dumps({"items": [{"name": name, "size": str(size)} for name, size in found.items()]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_DELETE(self):
        name = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path.rpartition("/o/")[2])
        self.send_response(204 if self.server.objects.pop(name, None) is not None else 404)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def test_the_empty_objects_that_mark_folders_are_removed_and_nothing_else(monkeypatch):
    objects = {
        "root/out/": 0,
        "root/out/variables/": 0,
        "root/out/_SUCCESS": 0,
        "root/out/model.pb": 7,
        "root/outer/": 0,
    }
    server = Bucket(objects)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    try:
        assert remove_folder_markers(["gs://bucket/root/out"]) == 2
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert set(server.objects) == {"root/out/_SUCCESS", "root/out/model.pb", "root/outer/"}
