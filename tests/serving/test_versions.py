"""Versions that come, go, break and come back, under a server that answers all the while."""

import contextlib
import dataclasses
import shutil
import threading
import time

import grpc
import httpx
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from serving.errors import NotFoundError, ServerError, Status, StatusError
from serving.models.config import ModelConfig, VersionPolicy, read_models_config
from serving.models.registry import State, VersionsConfig
from serving.server import ModelServer, ServerConfig, running
from tests.serving.tiny_models import WARM_UP_FILE, publish, save_odd, write_warm_up

SHARD = "variables/variables.data-00000-of-00001"
NEWEST = VersionPolicy()
QUICK = VersionsConfig(poll_seconds=0.1, settle_seconds=0.1, retry_seconds=60, max_load_retries=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_odd(tmp_path_factory.mktemp("model") / "odd")


@pytest.fixture
def base(model, tmp_path):
    publish(model, tmp_path, 1)
    return tmp_path


def serving(base, policy=NEWEST, **options):
    options = {"versions": QUICK, "grpc_port": None, **options}
    time.sleep(QUICK.settle_seconds)  # or it may find one version at rest, and one published a moment later not yet
    return running(
        ServerConfig(models=(ModelConfig(name="odd", base_path=base, policy=policy),), rest_port=0, **options)
    )


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def states(server):
    return {status.version: status.state for status in server.models.status("odd")}


def url(server, address=":predict"):
    return f"http://127.0.0.1:{server.rest_port}/v1/models/odd{address}"


class Load:
    """Clients that ask without a pause until they are told to end."""

    def __init__(self, server, clients=4):
        self.answers = 0
        self.failures = []
        self._ended = False
        self._url = url(server)
        self._threads = [threading.Thread(target=self._ask, args=(float(number),)) for number in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *details):
        self._ended = True
        for thread in self._threads:
            thread.join()

    def _ask(self, value):
        with httpx.Client() as client:
            while not self._ended:
                answer = client.post(self._url, json={"instances": [value]})
                if answer.status_code != 200 or answer.json() != {"predictions": [2 * value]}:
                    self.failures.append(answer.text)
                self.answers += 1


def test_versions_are_swapped_under_load_without_a_failed_request(base, model):
    with serving(base) as server, Load(server) as load:
        for version in (2, 3, 4):
            publish(model, base, version)
            swapped = {version: State.AVAILABLE, version - 1: State.END}
            wait_for(lambda swapped=swapped: swapped.items() <= states(server).items())
        shutil.rmtree(base / "4")  # back to the version before
        wait_for(lambda: states(server)[3] is State.AVAILABLE and states(server)[4] is State.END)
        before = load.answers
        wait_for(lambda: load.answers > before + 50)
    assert load.failures == []
    assert load.answers > 200


def test_a_half_copied_version_is_neither_served_nor_listed_until_it_is_whole(base, model):
    with serving(base) as server:
        half = base / "2"
        shutil.copytree(model, half, ignore=shutil.ignore_patterns("variables.data*"))
        time.sleep(0.5)
        assert states(server) == {1: State.AVAILABLE}
        shutil.copy(model / SHARD, half / SHARD)
        wait_for(lambda: states(server).get(2) is State.AVAILABLE)


def test_a_folder_that_disappears_changes_nothing(base, tmp_path_factory):
    with serving(base) as server:
        base.rename(tmp_path_factory.mktemp("away") / "model")
        time.sleep(0.5)
        assert httpx.post(url(server), json={"instances": [3]}).json() == {"predictions": [6.0]}
        assert states(server) == {1: State.AVAILABLE}


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_and_is_taken_once_mended(base, model):
    with serving(base) as server:
        broken = base / "2"
        shutil.copytree(model, broken)
        (broken / "saved_model.pb").write_bytes(b"not a graph")
        wait_for(lambda: 2 in states(server) and server.models.status("odd", 2)[0].status is not Status.OK)
        assert states(server)[1] is State.AVAILABLE
        assert server.models.find("odd").version == 1
        shutil.copy(model / "saved_model.pb", broken / "saved_model.pb")
        wait_for(lambda: states(server)[2] is State.AVAILABLE and states(server)[1] is State.END)
        assert server.models.status("odd", 2)[0].status is Status.OK
        assert server.models.find("odd").version == 2


def test_a_broken_first_version_ends_the_start_after_the_last_attempt(base):
    (base / "1" / "saved_model.pb").write_bytes(b"not a graph")
    quick = VersionsConfig(poll_seconds=0.1, settle_seconds=0.1, retry_seconds=0, max_load_retries=2)
    message = r"1 model\(s\) did not become available: {{name: odd version: 1}"
    with pytest.raises(ServerError, match=message), serving(base, versions=quick):
        pass


def test_policies_choose_versions_and_requests_choose_among_them(base, model):
    for version in (2, 3):
        publish(model, base, version)
    with serving(base, VersionPolicy(latest=2)) as server:
        wait_for(lambda: states(server).get(2) is State.AVAILABLE)
        assert set(states(server)) == {2, 3}
        assert server.models.find("odd").version == 3
        assert server.models.find("odd", 2).version == 2
        with pytest.raises(NotFoundError, match=r"Servable not found for request: Specific\(odd, 1\)"):
            server.models.find("odd", 1)


def test_labels_and_policies_roll_back_by_reload(base, model):
    publish(model, base, 2)
    config = """
        config {{ name: "odd" base_path: "{base}" model_platform: "tensorflow"
          model_version_policy {{ specific {{ {versions} }} }} {labels} }}"""

    def reload(server, versions, labels=""):
        request = model_management_pb2.ReloadConfigRequest()
        versions = " ".join(f"versions: {version}" for version in versions)
        text_format.Parse(config.format(base=base, versions=versions, labels=labels), request.config.model_config_list)
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            return model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=20)

    with serving(base, grpc_port=0) as server:
        label = 'version_labels { key: "stable" value: 1 }'
        with pytest.raises(grpc.RpcError) as refused:
            reload(server, [1, 2], label)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.value.details() == (
            "Request to assign label to version 1 of model odd, which is not currently available for inference"
        )
        reload(server, [1, 2])
        wait_for(lambda: states(server).get(1) is State.AVAILABLE)
        assert reload(server, [1, 2], label).status.error_code == 0
        asked = httpx.post(url(server, "/labels/stable:predict"), json={"instances": [3]})
        assert asked.json() == {"predictions": [6.0]}
        assert server.models.find("odd", label="stable").version == 1
        reload(server, [1], label)
        wait_for(lambda: states(server)[2] is State.END)
        assert server.models.find("odd").version == 1


def test_models_come_and_go_by_reload(base, model, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    publish(model, other, 5)
    with serving(base) as server:
        odd = ModelConfig(name="odd", base_path=base)
        new = ModelConfig(name="new", base_path=other)
        server.models.reload([odd, new])
        assert server.models.find("new").version == 5
        server.models.reload([new])
        wait_for(lambda: states(server) == {1: State.END})
        with pytest.raises(NotFoundError):
            server.models.find("odd")
        with pytest.raises(Exception, match=r"1 model\(s\) did not become available: {{name: bad}"):
            server.models.reload([new, ModelConfig(name="bad", base_path=base / "gone")])
        assert server.models.find("new").version == 5


def test_warm_up_requests_are_replayed_before_a_version_answers(base, model):
    write_warm_up(publish(model, base, 2), 1.0, 2.0, 3.0)
    with serving(base, warm_up_iterations=2) as server:
        page = httpx.get(f"http://127.0.0.1:{server.rest_port}/monitoring/prometheus/metrics").text
    assert ':tensorflow:serving:batch_size_count{model_name="odd",version="2"} 6.0' in page
    assert ":tensorflow:serving:request_count{" not in page


@pytest.mark.parametrize("damage", ["record", "signature"])
def test_a_version_that_cannot_answer_its_warm_up_is_not_served(base, model, damage):
    with serving(base) as server:
        folder = publish(model, base / "..", 2)
        if damage == "record":
            (folder / "assets.extra").mkdir()
            (folder / WARM_UP_FILE).write_bytes(b"\0" * 40)
        else:
            write_warm_up(folder, 1.0, signature="gone")
        folder.rename(base / "2")
        wait_for(lambda: 2 in states(server) and server.models.status("odd", 2)[0].message)
        assert WARM_UP_FILE.rsplit("/", 1)[1] in server.models.status("odd", 2)[0].message
        assert server.models.find("odd").version == 1


def test_all_versions_are_served_where_the_policy_says_so(base, model):
    with serving(base, VersionPolicy(all=True)) as server:
        publish(model, base, 5)
        wait_for(lambda: states(server) == {1: State.AVAILABLE, 5: State.AVAILABLE})


def test_models_config_is_read_again_and_a_bad_one_changes_nothing(base, model, tmp_path_factory, caplog):

    other = tmp_path_factory.mktemp("other")
    publish(model, other, 5)
    file = other / "models.config"

    def write(**models):
        entries = [
            f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" }}'
            for name, path in models.items()
        ]
        file.write_text(f"model_config_list {{ {' '.join(entries)} }}")

    write(odd=base)
    config = ServerConfig(
        models=read_models_config(file), models_file=file, models_file_poll_seconds=0.1, rest_port=0, grpc_port=None,
        versions=QUICK,
    )  # fmt: skip
    with running(config) as server:
        file.write_text("nonsense")
        wait_for(lambda: "is not a ModelServerConfig in text format" in caplog.text)
        write(odd=base, new="relative")
        wait_for(lambda: "Expected model new to have an absolute path" in caplog.text)
        assert httpx.post(url(server), json={"instances": [3]}).json() == {"predictions": [6.0]}
        write(new=other)
        wait_for(lambda: server.models.latest("new") is not None and server.models.latest("odd") is None)


def labelled(server):
    """The version that is asked by the label `stable`; None while there is none."""
    with contextlib.suppress(StatusError):
        return server.models.find("odd", label="stable").version


def test_a_label_that_is_moved_too_early_is_moved_when_its_version_is_there(tmp_path, caplog):
    base, file = tmp_path / "base", tmp_path / "models.config"
    base.mkdir()
    publish(save_odd(tmp_path / "odd"), base, 1)

    def write(version):
        file.write_text(
            f'model_config_list {{ config {{ name: "odd" base_path: "{base}" model_platform: "tensorflow" '
            f'version_labels {{ key: "stable" value: {version} }} }} }}'
        )

    write(1)
    config = ServerConfig(
        models=read_models_config(file), models_file=file, models_file_poll_seconds=0.1, rest_port=0, grpc_port=None,
        versions=dataclasses.replace(QUICK, allow_labels_for_unavailable=True),
    )  # fmt: skip
    with running(config) as server:
        write(2)
        wait_for(lambda: "Request to assign label to version 2" in caplog.text)
        assert labelled(server) == 1
        publish(base / "1", base, 2)
        wait_for(lambda: labelled(server) == 2)
    assert caplog.text.count("Request to assign label to version 2") == 1  # said once, tried every time


def test_the_end_of_a_server_does_not_wait_for_a_load(base):
    server = ModelServer(ServerConfig(models=(ModelConfig(name="odd", base_path=base),), rest_port=0, versions=QUICK))
    loading, may_end = threading.Event(), threading.Event()
    server.models._load = lambda *arguments: (loading.set(), may_end.wait(), None)[2]
    starting = threading.Thread(target=server.start, daemon=True)
    starting.start()
    try:
        assert loading.wait(60)
        assert not server.stop()  # something still runs: the process ends without it
        assert not may_end.is_set()
    finally:
        may_end.set()
