"""The client against a real server that asks for TLS and a token, over REST and gRPC."""

import pytest

from serving.client import NO_RETRIES, RecommenderClient, Tls
from serving.errors import NotAllowedError, UnreachableError
from serving.models.config import ModelConfig
from serving.server import ServerConfig, running
from serving.tls import ServerTls
from tests.serving.certificates import make_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def addresses(certificate, bundle_folder, tmp_path_factory):
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text("secret")
    config = ServerConfig(
        models=(ModelConfig(name="recommender", base_path=bundle_folder),),
        rest_port=0,
        grpc_port=0,
        tls=ServerTls(certificate=certificate[0], key=certificate[1]),
        token_file=tokens,
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
