"""Who may ask and who may change what is served: certificates, tokens, hosts, origins; and how they are replaced."""

import shutil
import ssl

import grpc
import httpx
import pytest
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc, prediction_service_pb2_grpc

from pipelines.cli.option_files import read_certificates
from serving.errors import InvalidRequestError
from serving.rest.app import RestConfig
from serving.tls import ServerTls
from tests.serving.asking import ANSWER, PREDICT, QUESTION, address, ask, grpc_request, is_well, serving, wait_for
from tests.serving.certificates import make_certificate
from tests.serving.tiny_models import publish, save_odd


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    publish(save_odd(tmp_path_factory.mktemp("model") / "odd"), base, 1)
    return base


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Certificates by name: a server's, an authority of clients, a client of it, and a stranger."""
    folder = tmp_path_factory.mktemp("tls")
    server, authority, stranger = (make_certificate(folder, name) for name in ("server", "authority", "stranger"))
    return {
        "server": server,
        "authority": authority,
        "stranger": stranger,
        "client": make_certificate(folder, "client", authority),
    }


def https(server, trusted, client=None):
    context = ssl.create_default_context(cafile=str(trusted))
    if client is not None:
        context.load_cert_chain(*client)
    url = f"https://127.0.0.1:{server.rest_port}{PREDICT}"
    return httpx.post(url, content=QUESTION, verify=context, timeout=60)


def grpcs(server, trusted, client=None):
    pair = (None, None) if client is None else (client[1].read_bytes(), client[0].read_bytes())
    credentials = grpc.ssl_channel_credentials(trusted.read_bytes(), *pair)
    with grpc.secure_channel(f"127.0.0.1:{server.grpc_port}", credentials) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return list(stub.Predict(grpc_request(1.0), timeout=60).outputs["y"].float_val)


# Certificates.


def test_a_client_needs_a_certificate_of_the_authority(base, made):
    certificate, key = made["server"]
    tls = ServerTls(certificate=certificate, key=key, client_ca=made["authority"][0])
    with serving(base, tls=tls) as server:
        assert https(server, certificate, made["client"]).json() == ANSWER
        assert grpcs(server, certificate, made["client"]) == [2.0]
        for client in (None, made["stranger"]):
            with pytest.raises(httpx.TransportError):
                https(server, certificate, client)
            with pytest.raises(grpc.RpcError) as error:
                grpcs(server, certificate, client)
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def ssl_config(path, made, *, certificate="server", key="server", verify=False):
    def pem(file):
        return "".join(f'"{line}\\n"\n' for line in file.read_text().splitlines())

    path.write_text(
        f"server_key: {pem(made[key][1])} server_cert: {pem(made[certificate][0])} "
        f"custom_ca: {pem(made['authority'][0])} client_verify: {str(verify).lower()}"
    )
    return path


@pytest.mark.parametrize("verify", [False, True])
def test_an_ssl_config_file_is_of_grpc_alone(base, made, tmp_path, verify):
    certificates = read_certificates(ssl_config(tmp_path / "ssl.config", made, verify=verify))
    with serving(base, grpc_certificates=certificates) as server:
        assert is_well(server)  # REST in the clear
        assert grpcs(server, made["server"][0], made["client"] if verify else None) == [2.0]
        if verify:
            with pytest.raises(grpc.RpcError):
                grpcs(server, made["server"][0])


def test_a_key_that_belongs_to_another_certificate_is_named(base, made, tmp_path):
    tls = ServerTls(certificate=made["server"][0], key=made["stranger"][1])
    message = f"The key {made['stranger'][1]} does not belong to the certificate {made['server'][0]}"
    for ports in ({"rest_port": None}, {"grpc_port": None}, {}):
        with pytest.raises(InvalidRequestError, match=message), serving(base, tls=tls, **ports):
            pass
    with pytest.raises(InvalidRequestError, match="The server_key does not belong to the server_cert"):
        read_certificates(ssl_config(tmp_path / "ssl.config", made, key="stranger"))
    (tmp_path / "no.key").write_text("nonsense")
    with pytest.raises(InvalidRequestError, match="cannot be taken"):
        ServerTls(certificate=made["server"][0], key=tmp_path / "no.key").read()


def test_new_certificates_are_taken_while_the_server_runs_and_bad_ones_are_not(base, made, tmp_path, caplog):
    files = tmp_path / "server.pem", tmp_path / "server.key"

    def put(name, key=None):
        shutil.copy(made[name][0], files[0])
        shutil.copy(made[key or name][1], files[1])

    def is_trusted(name):
        try:
            return https(server, made[name][0]).json() == ANSWER and grpcs(server, made[name][0]) == [2.0]
        except (httpx.TransportError, grpc.RpcError):
            return False

    put("server")
    with serving(base, tls=ServerTls(certificate=files[0], key=files[1])) as server:
        assert is_trusted("server")
        put("stranger", key="server")
        wait_for(lambda: "does not belong to the certificate" in caplog.text)
        assert is_trusted("server")
        put("stranger")
        wait_for(lambda: is_trusted("stranger"))
        assert not is_trusted("server")


def test_an_authority_of_clients_that_is_taken_out_is_trusted_no_more(base, made, tmp_path):
    certificate, key = made["server"]
    authorities = tmp_path / "authorities.pem"
    shutil.copy(made["authority"][0], authorities)

    def is_let_in(ask, client):
        try:
            ask(server, certificate, made[client])
        except (httpx.TransportError, grpc.RpcError):
            return False
        return True

    with serving(base, tls=ServerTls(certificate=certificate, key=key, client_ca=authorities)) as server:
        for ask in (https, grpcs):
            assert (is_let_in(ask, "client"), is_let_in(ask, "stranger")) == (True, False)
        shutil.copy(made["stranger"][0], authorities)
        for ask in (https, grpcs):
            wait_for(lambda ask=ask: is_let_in(ask, "stranger"))
            assert not is_let_in(ask, "client")


# Tokens.


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_new_tokens_are_taken_while_the_server_runs_and_none_is_not(base, tmp_path, caplog):
    tokens = tmp_path / "tokens"
    tokens.write_text("old\n")
    with serving(base, token_file=tokens) as server:
        assert ask(server, 1, headers=bearer("old")).status_code == 200
        tokens.write_text("\n")
        wait_for(lambda: "holds no token" in caplog.text)
        assert ask(server, 1, headers=bearer("old")).status_code == 200
        tokens.write_text("old\nnew\n")
        wait_for(lambda: ask(server, 1, headers=bearer("new")).status_code == 200)
        assert ask(server, 1, headers=bearer("old")).status_code == 200
        tokens.write_text("new\n")
        wait_for(lambda: ask(server, 1, headers=bearer("old")).status_code == 401)
        assert ask(server, 1, headers=bearer("new")).status_code == 200


def reload(server, base, token):
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.config.add(name="odd", base_path=str(base), model_platform="tensorflow")
    metadata = [] if token is None else [("authorization", f"Bearer {token}")]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        try:
            stub.HandleReloadConfigRequest(request, timeout=60, metadata=metadata)
        except grpc.RpcError as error:
            return error.code().name
    return "OK"


@pytest.mark.parametrize(
    ("tokens", "admin", "expected"),
    [
        (None, None, {None: "OK", "asks": "OK", "changes": "OK"}),
        ("asks", None, {None: "UNAUTHENTICATED", "asks": "OK", "changes": "UNAUTHENTICATED"}),
        ("asks", "changes", {None: "UNAUTHENTICATED", "asks": "PERMISSION_DENIED", "changes": "OK"}),
        (None, "changes", {None: "UNAUTHENTICATED", "asks": "UNAUTHENTICATED", "changes": "OK"}),
    ],
)
def test_what_is_served_is_changed_by_administrators(base, tmp_path, tokens, admin, expected):
    files = {}
    for name, content in (("token_file", tokens), ("admin_token_file", admin)):
        if content is not None:
            files[name] = tmp_path / name
            files[name].write_text(content)
    with serving(base, **files) as server:
        assert {token: reload(server, base, token) for token in expected} == expected
        if tokens and admin:
            assert ask(server, 1, headers=bearer("changes")).status_code == 200


# Hosts and origins.


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("films.example.com", 200),
        ("FILMS.example.com:8501", 200),
        ("a.b.example.org", 200),
        ("example.org", 200),
        ("[::1]:8501", 200),
        ("evil.com", 421),
        ("films.example.com.evil.com", 421),
        ("badexample.org", 421),
        ("", 421),
    ],
)
def test_hosts_that_are_not_in_the_list_are_not_answered_to(base, host, status):
    rest = RestConfig(allowed_hosts=("films.example.com", ".example.org", "::1"))
    with serving(base, rest=rest, grpc_port=None) as server:
        for path in (PREDICT, "/", "/monitoring/prometheus/metrics"):
            method = "POST" if path == PREDICT else "GET"
            answer = httpx.request(method, address(server) + path, content=QUESTION, headers={"Host": host})
            assert answer.status_code == status
        # A probe of Kubernetes names the address of the pod.
        assert httpx.get(f"{address(server)}/v1/health/ready", headers={"Host": host}).status_code == 200


def test_browsers_of_other_origins_may_ask_where_that_is_allowed(base):
    origin = {"Origin": "https://films.example.com"}
    preflight = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with serving(base, rest=RestConfig(cors=True)) as server:
        allowed = httpx.options(address(server) + PREDICT, headers=preflight)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "*"
        assert allowed.headers["access-control-allow-methods"] == "POST, GET"
        named = {name.strip().lower() for name in allowed.headers["access-control-allow-headers"].split(",")}
        assert {"authorization", "content-type", "x-request-id"} <= named
        for asked in (ask(server, 1, headers=origin), ask(server, "x", headers=origin)):
            assert asked.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-origin" not in httpx.get(address(server) + "/", headers=origin).headers
        assert httpx.options(address(server) + PREDICT).status_code == 400  # no Origin
    with serving(base) as server:
        assert "access-control-allow-origin" not in ask(server, 1, headers=origin).headers
