"""Google Cloud Storage on this machine: fake-gcs-server, and a proxy through which TensorFlow's own client reaches it.

TensorFlow's client asks www.googleapis.com and storage.googleapis.com by TLS and knows no other address, but it
goes through the proxy that `https_proxy` names and trusts the certificates in CURL_CA_BUNDLE.
"""

from __future__ import annotations

import contextlib
import datetime
import http.client
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HOSTS = ("www.googleapis.com", "storage.googleapis.com")
INSTALL = "go install github.com/fsouza/fake-gcs-server@v1.56.1"
START_SECONDS = 20


@contextlib.contextmanager
def google_cloud_storage(folder: Path, bucket: str) -> Iterator[dict[str, str]]:
    """Yields the environment of a client; the objects of `bucket` lie below `folder`/objects/bucket.

    Skips the test where fake-gcs-server is not installed.
    """
    binary = shutil.which("fake-gcs-server")
    if not binary:
        pytest.skip(f"needs fake-gcs-server on PATH: {INSTALL}")
    (folder / "data" / bucket).mkdir(parents=True)
    port = _free_port()
    options = ["-backend", "filesystem", "-filesystem-root", folder / "objects", "-data", folder / "data"]
    options += ["-scheme", "http", "-host", "127.0.0.1", "-port", port, "-public-host", HOSTS[1]]
    options += ["-external-url", f"https://{HOSTS[1]}"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen([binary, *map(str, options)], stdout=log, stderr=log)
    try:
        _wait_for(port)
        certificate, key = _certificate(folder)
        with _proxy(port, certificate, key) as proxy:
            yield {
                "https_proxy": proxy,
                "no_proxy": "",
                "CURL_CA_BUNDLE": str(certificate),
                "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",
                "NO_GCE_CHECK": "true",
                "GCS_RETRY_CONFIG_MAX_RETRIES": "1",
            }
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def _proxy(port: int, certificate: Path, key: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    handler = type("Handler", (_Handler,), {"context": context, "port": port})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Is Google behind a CONNECT, and hands every request on."""

    protocol_version = "HTTP/1.1"
    context: ssl.SSLContext
    port: int

    def do_CONNECT(self) -> None:
        assert self.path in [f"{host}:443" for host in HOSTS], self.path
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self) -> None:
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        body = b"".join(self._chunks()) if chunked else self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # Go's server refuses `Transfer-Encoding: identity`, which TensorFlow's client says and Google takes.
        left_out = ("transfer-encoding", "content-length", "expect")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in left_out}
        upstream = http.client.HTTPConnection("127.0.0.1", self.port)
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "date"):
                self.send_header(name, value.replace("http://", "https://") if name == "Location" else value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        upstream.close()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names of http.server

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *arguments: object) -> None:
        pass


def _certificate(folder: Path) -> tuple[Path, Path]:
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOSTS[0])])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder / "certificate.pem", folder / "key.pem"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
