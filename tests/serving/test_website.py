"""The page's files, the catalogue and the API's description over a real socket."""

import gzip
import json
import re
from pathlib import Path

import httpx
import pytest

from serving.models.config import ModelConfig
from serving.rest.website import ServedBundle, Website
from serving.server import ServerConfig
from serving.server import running as running_server
from tests.serving.running import running

PAGE = Path(__file__).parents[2] / "serving" / "rest" / "page"
ITEMS = [{"id": "1", "title": "Amélie <b>", "features": {"genres": ["Comedy"]}}] * 50


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The bundle that is current; a test may put another one in its place."""
    return {"bundle": bundle_with(tmp_path_factory.mktemp("one") / "7", {"items": ITEMS, "users": ["42"]})}


@pytest.fixture(scope="module")
def client(shown):
    with running(Website(lambda: shown["bundle"])) as url, httpx.Client(base_url=url) as client:
        yield client


def bundle_with(folder, catalogue):
    extra = folder / "assets.extra"
    extra.mkdir(parents=True)
    (extra / "catalogue.json").write_text(json.dumps(catalogue), encoding="utf-8")
    return ServedBundle(model="items", version=int(folder.name), folder=folder)


def test_the_page_allows_nothing_but_its_own_files(client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    named = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    assert named
    for name in named:
        assert client.get("/" + name).status_code == 200, name
    assert not re.search(r"<script>|<style|style=|\son\w+=", answer.text)


def test_every_module_and_picture_that_a_file_names_is_served(client):
    files = [path for path in PAGE.iterdir() if path.suffix in (".js", ".css")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(r'(?:from "\./|url\(")([^"]+)"', text))
    assert len(named) >= 5
    assert {name: client.get("/" + name).status_code for name in named} == dict.fromkeys(named, 200)


def test_the_catalogue_says_whose_it_is_and_is_packed_on_request(client):
    plain = client.get("/catalogue.json", headers={"Accept-Encoding": "identity"})
    assert plain.json() == {"model": "items", "version": "7", "items": ITEMS, "users": ["42"]}
    assert "content-encoding" not in plain.headers
    request = client.build_request("GET", "/catalogue.json", headers={"Accept-Encoding": "br;q=1, gzip"})
    raw = b"".join(client.send(request, stream=True).iter_raw())
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 5
    refused = client.get("/catalogue.json", headers={"Accept-Encoding": "gzip;q=0, *;q=1"})
    assert "content-encoding" not in refused.headers
    assert refused.headers["vary"] == "accept-encoding"


def test_what_the_browser_has_already_is_not_sent_again(client):
    tag = client.get("/catalogue.json").headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = client.get("/catalogue.json", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert client.get("/catalogue.json", headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get("/catalogue.json").headers["cache-control"] == "no-cache"


def test_head_has_the_headers_alone_and_other_methods_are_refused(client):
    head = client.head("/", headers={"Accept-Encoding": "identity"})
    assert head.content == b""
    assert int(head.headers["content-length"]) == len(client.get("/").content)
    refused = client.post("/", content=b"x")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/../setup.py",
        "/..%2f..%2fsetup.py",
        "/page/app.js",
        "/app.js/",
        "//app.js",
        "/app.js%00",
        "/assets.extra/catalogue.json",
        "/v1",
    ],
)
def test_a_path_is_a_name_and_no_file(client, path):
    answer = client.get(httpx.URL(str(client.base_url) + path))
    assert (answer.status_code, answer.content) == (404, b"")


def test_a_new_version_brings_its_own_catalogue(client, shown, tmp_path):
    before = shown["bundle"]
    old = client.get("/catalogue.json").headers["etag"]
    try:
        shown["bundle"] = bundle_with(tmp_path / "8", {"items": [], "users": []})
        answer = client.get("/catalogue.json", headers={"If-None-Match": old})
        assert answer.json() == {"model": "items", "version": "8", "items": [], "users": []}
        for without in (None, ServedBundle(model="items", version=9, folder=tmp_path / "9")):
            shown["bundle"] = without
            refused = client.get("/catalogue.json")
            assert refused.status_code == 404
            assert "catalogue" in refused.json()["error"]
    finally:
        shown["bundle"] = before


def test_the_description_is_served(client):
    assert client.get("/openapi.json").json()["openapi"] == "3.1.0"


def test_a_server_with_a_token_shows_the_page_to_everybody_and_the_catalogue_to_who_has_it(bundle_folder, tmp_path):
    (tmp_path / "tokens").write_text("secret")
    models = (ModelConfig(name="recommender", base_path=bundle_folder),)
    config = ServerConfig(models=models, rest_port=0, grpc_port=None, token_file=tmp_path / "tokens")
    with running_server(config) as server, httpx.Client(base_url=f"http://127.0.0.1:{server.rest_port}") as client:
        for path in ("/", "/app.js", "/openapi.json"):
            assert client.get(path).status_code == 200
        refused = client.get("/catalogue.json")
        assert refused.status_code == 401
        assert "token" in refused.json()["error"]
        allowed = client.get("/catalogue.json", headers={"Authorization": "Bearer secret"})
        assert allowed.json()["users"] == ["ann", "bob", "cy"]
