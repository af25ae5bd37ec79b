"""The page, the catalogue that it loads, and the description of the REST API, as one ASGI application.

Files are read when the application is made; a request's path is a key of a table and never reaches the
file system.

| address | content |
|---|---|
| `/`, `/style.css`, `/*.js`, `/*.svg` | the page (serving/rest/page) |
| `/catalogue.json` | items, some user ids, and which model and version they are of |
| `/openapi.json` | OpenAPI 3.1 description of the REST API |
"""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from serving.contract import CATALOGUE_FILE, EXTRA_ASSETS
from serving.rest import openapi

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FOLDER = Path(__file__).parent / "page"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
CATALOGUE_PATH = "/catalogue.json"
WORTH_PACKING_BYTES = 1024

SECURITY_HEADERS = {
    # Titles are text: with trusted types the browser refuses any that would become markup.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServedBundle:
    """The version whose catalogue is shown.

    Attributes:
      model: The model's name on the server.
      version: Its version.
      folder: Where it lies.
    """

    model: str
    version: int
    folder: Path


@dataclasses.dataclass(frozen=True)
class Resource:
    """Something that is sent as it is.

    Attributes:
      body: Plain.
      packed: The same by gzip; None where that is not worth it.
      etag: Changes with the body.
      content_type: Its media type.
    """

    body: bytes
    packed: bytes | None
    etag: str
    content_type: str

    @classmethod
    def of(cls, body: bytes, content_type: str) -> Resource:
        """Packs the body and names its content."""
        packed = gzip.compress(body, compresslevel=6, mtime=0) if len(body) >= WORTH_PACKING_BYTES else None
        return cls(body, packed, f'"{hashlib.sha256(body).hexdigest()[:32]}"', content_type)


def has_catalogue(folder: Path) -> bool:
    """Whether a version has what the page needs; a model of somebody else's has not."""
    return (folder / EXTRA_ASSETS / CATALOGUE_FILE).is_file()


class Website:
    """ASGI application of everything that is for people.

    Args:
      current: Which bundle's catalogue is shown; None while none is loaded. Asked at every request.
    """

    def __init__(self, current: Callable[[], ServedBundle | None]) -> None:
        self._current = current
        self._resources = {f"/{path.name}": _read(path) for path in sorted(FOLDER.iterdir()) if path.is_file()}
        self._resources["/"] = self._resources.pop("/index.html")
        self._resources["/openapi.json"] = Resource.of(
            json.dumps(openapi.description()).encode(), CONTENT_TYPES[".json"]
        )
        self._catalogue: tuple[ServedBundle, Resource | None] | None = None
        self._packing = asyncio.Lock()

    def has(self, path: str) -> bool:
        """Whether the path is one of the website's."""
        return path in self._resources or path == CATALOGUE_PATH

    def is_public(self, path: str) -> bool:
        """Whether everybody may see it, also where the server asks for a token: the page, which asks for one itself."""
        return path != CATALOGUE_PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; 404 without a body for every path that is not of the website."""
        path, method = scope["path"], scope["method"]
        if not self.has(path):
            await _send(send, 404, {}, b"")
        elif method not in ("GET", "HEAD"):
            await _send(send, 405, {"allow": "GET, HEAD"}, b"")
        else:
            resource = self._resources.get(path) or await self._current_catalogue()
            status, headers, body = _answer(resource, dict(scope["headers"]))
            await _send(send, status, headers, body, with_body=method == "GET")

    async def _current_catalogue(self) -> Resource | None:
        """The catalogue of the current bundle, read and packed once for each version."""
        bundle = self._current()
        if bundle is None:
            return None
        async with self._packing:
            if self._catalogue is None or self._catalogue[0] != bundle:
                self._catalogue = bundle, await asyncio.to_thread(_catalogue_of, bundle)
            return self._catalogue[1]


def _read(path: Path) -> Resource:
    return Resource.of(path.read_bytes(), CONTENT_TYPES[path.suffix])


def _catalogue_of(bundle: ServedBundle) -> Resource | None:
    try:
        content = json.loads((bundle.folder / EXTRA_ASSETS / CATALOGUE_FILE).read_bytes())
    except (OSError, ValueError):  # a model of somebody else's, or a folder that is gone
        return None
    named = {"model": bundle.model, "version": str(bundle.version), **content}
    body = json.dumps(named, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Resource.of(body, CONTENT_TYPES[".json"])


def _answer(resource: Resource | None, asked: Mapping[bytes, bytes]) -> tuple[int, dict[str, str], bytes]:
    if resource is None:
        body = json.dumps({"error": "no model with a catalogue is loaded"}).encode()
        return 404, {"content-type": CONTENT_TYPES[".json"], "cache-control": "no-store"}, body
    # The browser keeps it and asks each time whether it is still right.
    headers = {"etag": resource.etag, "cache-control": "no-cache", "vary": "accept-encoding", **SECURITY_HEADERS}
    if _is_known(resource.etag, asked.get(b"if-none-match", b"")):
        return 304, headers, b""
    headers["content-type"] = resource.content_type
    if resource.packed is not None and _takes_gzip(asked.get(b"accept-encoding", b"")):
        return 200, {**headers, "content-encoding": "gzip"}, resource.packed
    return 200, headers, resource.body


def _is_known(etag: str, if_none_match: bytes) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.decode("latin-1").split(",")]
    return etag in tags or "*" in tags


def _takes_gzip(accept_encoding: bytes) -> bool:
    weights = {}
    for part in accept_encoding.decode("latin-1").lower().split(","):
        coding, _, parameter = part.partition(";")
        weights[coding.strip()] = parameter.replace(" ", "")
    weight = weights.get("gzip", weights.get("*"))
    return weight is not None and weight not in ("q=0", "q=0.0", "q=0.00", "q=0.000")


async def _send(send: Send, status: int, headers: Mapping[str, str], body: bytes, with_body: bool = True) -> None:
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    if status != 304:
        sent.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body if with_body else b""})
