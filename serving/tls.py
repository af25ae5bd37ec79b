"""Certificates of REST and gRPC: read, checked, and taken anew while the server runs."""

from __future__ import annotations

import contextlib
import dataclasses
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from serving.errors import InvalidRequestError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Certificates:
    """PEM texts.

    Attributes:
      certificate: Chain of the server.
      key: Its private key.
      client_ca: Authorities of clients; None = clients need no certificate.
    """

    certificate: str
    key: str
    client_ca: str | None

    def check(self) -> None:
        """Checks that the two belong together.

        Raises:
          InvalidRequestError: They do not, or are none.
        """
        with _written(self) as (certificate, key):
            _check_pair(certificate, key, "The server_key", "the server_cert")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerTls:
    """PEM files.

    Attributes:
      certificate: Chain of the server.
      key: Its private key.
      client_ca: Authorities of clients; set, a client without a certificate of theirs is refused.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (self.certificate, self.key, *(() if self.client_ca is None else (self.client_ca,)))

    def read(self) -> Certificates:
        """Their texts.

        Raises:
          InvalidRequestError: A file cannot be read, or the key is not that of the certificate.
        """
        _check_pair(self.certificate, self.key, f"The key {self.key}", f"the certificate {self.certificate}")
        try:
            authorities = None if self.client_ca is None else self.client_ca.read_text()
            if self.client_ca is not None:
                ssl.create_default_context(cadata=authorities)
            return Certificates(
                certificate=self.certificate.read_text(), key=self.key.read_text(), client_ca=authorities
            )
        except (OSError, UnicodeDecodeError, ssl.SSLError) as error:
            raise InvalidRequestError(f"{self.client_ca} is not a list of certificates in PEM: {error}") from None


def server_context(certificates: Certificates) -> ssl.SSLContext:
    """What REST makes its connections with.

    A client of an authority shows its certificate at every connection: sessions are not resumed, which would let in
    clients of an authority that is trusted no more.

    Args:
      certificates: As `ServerTls.read` gave them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _written(certificates) as (certificate, key):
        context.load_cert_chain(certificate, key, password="")
    if certificates.client_ca is not None:
        context.load_verify_locations(cadata=certificates.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
    return context


@contextlib.contextmanager
def _written(certificates: Certificates) -> Iterator[tuple[Path, Path]]:
    """Certificate and key as files, which is how Python's ssl takes them."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder) / "certificate", Path(folder) / "key"
        certificate.write_text(certificates.certificate)
        key.touch(0o600)
        key.write_text(certificates.key)
        yield certificate, key


def _check_pair(certificate: Path, key: Path, key_name: str, certificate_name: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password="")  # or OpenSSL would ask for one on the terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise InvalidRequestError(
                f"{key_name} does not belong to {certificate_name}. What to do: name the key that it was made with"
            ) from None
        raise InvalidRequestError(
            f"{key_name} and {certificate_name} cannot be taken: {error.reason or error}. Expected: both in PEM, the "
            "key without a password"
        ) from None
    except OSError as error:
        raise InvalidRequestError(f"{key_name} and {certificate_name} cannot be read: {error.strerror}") from None


class GrpcCertificates:
    """The certificates of a gRPC server; new connections are made with those that were set last.

    Args:
      certificates: The first ones.
    """

    def __init__(self, certificates: Certificates) -> None:
        self._is_mutual = certificates.client_ca is not None
        self._changed: Any = None
        self._first = _configuration(certificates)

    def credentials(self) -> Any:
        """Credentials for `add_secure_port`."""
        return grpc.dynamic_ssl_server_credentials(self._first, self._fetch, self._is_mutual)

    def set(self, certificates: Certificates) -> None:
        """Takes these from now on."""
        self._changed = _configuration(certificates)

    def _fetch(self) -> Any:
        changed, self._changed = self._changed, None
        return changed


def _configuration(certificates: Certificates) -> Any:
    authorities = certificates.client_ca
    return grpc.ssl_server_certificate_configuration(
        [(certificates.key.encode(), certificates.certificate.encode())],
        root_certificates=None if authorities is None else authorities.encode(),
    )
