"""The client against a real server that asks for TLS and a token, over REST and gRPC."""

import datetime
import ipaddress

import pytest

from serving.client import NO_RETRIES, RecommenderClient, Tls
from serving.errors import NotAllowedError, UnreachableError
from serving.models_config import ModelConfig
from serving.server import ServerConfig, running
from serving.server import Tls as ServerTls

x509 = pytest.importorskip("cryptography.x509")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def addresses(certificate, bundle_folder):
    config = ServerConfig(
        models=(ModelConfig(name="recommender", base_path=bundle_folder),),
        rest_port=0,
        grpc_port=0,
        tls=ServerTls(certificate=certificate[0], key=certificate[1]),
        tokens=("secret",),
    )
    with running(config) as server:
        yield {"https": f"https://127.0.0.1:{server.rest_port}", "grpcs": f"grpcs://127.0.0.1:{server.grpc_port}"}


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_who_trusts_the_server_and_has_the_token_is_answered(scheme, addresses, certificate):
    tls = Tls(ca_file=certificate[0])
    with RecommenderClient(addresses[scheme], tls=tls, token="secret") as client:
        assert client.ready()
        assert client.recommend(["ann"])[0].source == "model"
    for token in (None, "guessed"):
        with (
            RecommenderClient(addresses[scheme], tls=tls, token=token, retries=NO_RETRIES) as client,
            pytest.raises(NotAllowedError, match="token"),
        ):
            client.recommend(["ann"])


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_a_server_that_nobody_vouches_for_is_not_asked(scheme, addresses):
    with (
        RecommenderClient(addresses[scheme], token="secret", retries=NO_RETRIES) as client,
        pytest.raises(UnreachableError, match=r"(?i)certificate|ssl|handshake"),
    ):
        client.status()
