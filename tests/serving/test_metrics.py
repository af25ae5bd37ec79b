"""What the metrics say after requests that are known; and that whoever reads them finds the names that there are."""

import json
import re
import shutil
import tempfile
import time
from pathlib import Path

import grpc
import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from pipelines.cli.option_files import read_metrics_path
from serving.metrics import KEPT_VERSIONS, Metrics
from serving.models.config import ModelConfig, VersionPolicy
from serving.models.registry import VersionsConfig
from serving.rest.app import RestConfig
from serving.server import EventsConfig, ServerConfig, running
from tests.serving.asking import address, ask, grpc_request, predictions, serving, wait_for
from tests.serving.tiny_models import publish, save_odd, write_warm_up

PREFIX = ":tensorflow:serving:"
ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "serving" / "deploy" / "monitoring"
QUICK = VersionsConfig(poll_seconds=0.05, settle_seconds=0.05, allow_labels_for_unavailable=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_odd(tmp_path_factory.mktemp("model") / "odd")


@pytest.fixture
def base(model, tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    for version in (1, 2):
        write_warm_up(publish(model, base, version), 1.0, 2.0, 3.0)
    time.sleep(VersionsConfig.settle_seconds)  # or a server may find version 1 at rest and version 2 not yet
    return base


def page(server):
    return httpx.get(f"{address(server)}/monitoring/prometheus/metrics", timeout=60).text


def all_samples(server):
    """What is told, with the names that are told: the parser would have counters end in _total."""
    text = page(server).replace(f"{PREFIX}request_count counter", f"{PREFIX}request_count untyped")
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def samples(server, name):
    """Values by labels."""
    return {frozenset(sample.labels.items()): sample.value for sample in all_samples(server) if sample.name == name}


def labels(**named):
    return frozenset(named.items())


def request(
    status="OK", version="2", label="", signature="serving_default", api="predict", entrypoint="REST", model="odd"
):
    return labels(
        model_name=model,
        API=api,
        entrypoint=entrypoint,
        version=version,
        label=label,
        signature=signature,
        status=status,
    )


def test_requests_are_counted_by_all_that_is_known_of_them(base):
    config = ModelConfig(name="odd", base_path=base, policy=VersionPolicy(all=True), labels={"stable": 1})
    with running(ServerConfig(models=(config,), rest_port=0, grpc_port=0, versions=QUICK)) as server:
        wait_for(lambda: len(server.models.available()) == 2)
        url = f"{address(server)}/v1/models/odd"
        for _ in range(3):
            assert ask(server, 1).status_code == 200
        httpx.post(f"{url}/labels/stable:predict", json={"instances": [1]})
        httpx.post(f"{url}/versions/1:predict", json={"instances": [-1], "signature_name": "checked"})
        httpx.post(f"{url}:predict", json={"instances": [1], "signature_name": "anything at all"})
        httpx.post(f"{url}/labels/nobody:predict", json={"instances": [1]})
        httpx.post(f"{address(server)}/v1/models/nobody:predict", json={"instances": [1]})
        httpx.get(url)
        with predictions(server) as stub:
            stub.Predict(grpc_request(1.0), timeout=60)
            with pytest.raises(grpc.RpcError):
                stub.Predict(grpc_request(1.0, signature="gone"), timeout=60)
        expected = {
            request(): 3,
            request(version="1", label="stable"): 1,
            request("INVALID_ARGUMENT", version="1", signature="checked"): 1,
            # What a caller makes up is no label: anybody could fill the memory with names.
            request("INVALID_ARGUMENT", signature=""): 1,
            request("INVALID_ARGUMENT", version="", signature=""): 1,
            request("NOT_FOUND", version="", signature="", model=""): 1,
            request(version="", signature="", api="status"): 1,
            request(api="Predict", entrypoint="GRPC"): 1,
            request("FAILED_PRECONDITION", api="Predict", entrypoint="GRPC", signature=""): 1,
        }
        wait_for(lambda: sum(samples(server, f"{PREFIX}request_count").values()) == 11)
        assert samples(server, f"{PREFIX}request_count") == expected
        assert samples(server, f"{PREFIX}request_latency_count") == expected
        sums = samples(server, f"{PREFIX}request_latency_sum")
        assert all(0 < value < 60e6 for value in sums.values())  # microseconds
        buckets = samples(server, f"{PREFIX}request_latency_bucket")
        assert buckets[request() | {("le", "+Inf")}] == 3
        assert f"# TYPE {PREFIX}request_count counter" in page(server)


def test_calls_of_the_model_are_measured_by_version(base):
    with serving(base) as server:  # version 2 alone; three warm-up requests of one row each
        ask(server, *range(7))
        version = labels(model_name="odd", version="2")
        assert samples(server, f"{PREFIX}batch_size_count") == {version: 4}
        assert samples(server, f"{PREFIX}batch_size_sum") == {version: 10}
        buckets = samples(server, f"{PREFIX}batch_size_bucket")
        assert [buckets[version | {("le", le)}] for le in ("1.0", "4.0", "8.0")] == [3, 3, 4]
        runtime = version | {("API", "Predict"), ("runtime", "TF1")}
        assert samples(server, f"{PREFIX}runtime_latency_count") == {runtime: 4}
        assert samples(server, f"{PREFIX}queued_rows") == {version: 0}
        assert samples(server, "recommender_version_state") == {version | {("state", "AVAILABLE")}: 1}
        assert samples(server, "recommender_version_load_seconds")[version] > 0
        assert samples(server, "recommender_ready") == {frozenset(): 1}
        assert samples(server, "process_resident_memory_bytes")[frozenset()] > 1e8


def test_versions_that_are_gone_are_told_of_a_while_longer(base):
    with serving(base, versions=QUICK) as server:
        ask(server, 1)
        shutil.rmtree(base / "2")
        wait_for(lambda: samples(server, "recommender_version_state").get(state("2", "END")) == 1)
        assert samples(server, f"{PREFIX}request_count")[request()] == 1
        assert samples(server, "recommender_version_state")[state("1", "AVAILABLE")] == 1


def state(version, name):
    return labels(model_name="odd", version=version, state=name)


def test_only_a_few_versions_that_are_gone_are_told_of():
    metrics = Metrics()
    for version in range(KEPT_VERSIONS + 3):
        metrics.loaded("odd", version, 1.0)
        metrics.runtime("odd", version).observe(1)
        metrics.sizes("odd", version).observe(1)
        metrics.observe(("odd", "predict", "REST", str(version), "", "", "OK"), 1.0)
        metrics.unloaded("odd", version)
    told = set(re.findall(r'version="(\d+)"', metrics.page().decode()))
    assert told == {str(version) for version in range(3, KEPT_VERSIONS + 3)}
    metrics.loaded("odd", 3, 1.0)  # rolled back to
    metrics.unloaded("odd", 99)
    metrics.unloaded("odd", 100)
    assert 'version="3"' in metrics.page().decode()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: true path: "/elsewhere" }', "/elsewhere"),
        ("prometheus_config { enable: false }", None),
        ("", None),
    ],
)
def test_a_monitoring_config_file_says_whether_and_where(base, tmp_path, text, path):
    file = tmp_path / "monitoring.config"
    file.write_text(text)
    rest = RestConfig(metrics_path=read_metrics_path(file, RestConfig().metrics_path))
    with serving(base, rest=rest, grpc_port=None) as server:
        for tried in ("/monitoring/prometheus/metrics", "/elsewhere"):
            answer = httpx.get(address(server) + tried)
            assert answer.status_code == (200 if tried == path else 404)


# Whoever reads them.


def told(base):
    """Names of all series of a server that has answered and keeps events, and labels by name."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(base, events=EventsConfig(url=f"sqlite:///{folder}/events.db")) as server,
    ):
        ask(server, 1)
        found = {}
        for sample in all_samples(server):
            found.setdefault(sample.name, set()).update(sample.labels)
        return found


RECORDED = re.compile(r"[a-z_]+:[a-z_]+:[a-z0-9_]+")
NAME = re.compile(r"(?::tensorflow:serving:|recommender_|process_|python_gc_)[a-z_]+")


def expressions():
    """Every expression of the rules and the dashboard, by where it stands."""
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def test_rules_and_dashboard_ask_for_series_and_labels_that_there_are(base):
    found = told(base)
    recorded = {rule["record"] for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
                for rule in group["rules"] if "record" in rule}  # fmt: skip
    count = 0
    for where, expression in expressions():
        names = set(NAME.findall(expression))
        assert names <= found.keys(), (where, names - found.keys())
        assert names or any(name in expression for name in recorded), where
        known = set().union(*(found[name] for name in names)) | {"job", "instance", "le", "namespace"}
        known |= {"model_name", "version", "label", "signature", "status", "entrypoint", "API"} if not names else set()
        used = set(re.findall(r"([a-zA-Z_]+)\s*(?:=~|!~|!=|=)\s*\"", expression))
        for listed in re.findall(r"(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression):
            used |= {name.strip() for name in listed.split(",") if name.strip()}
        assert used <= known, (where, used - known)
        count += 1
    assert count > 20


def test_the_document_lists_every_series_and_no_other(base):
    text = (ROOT / "docs" / "monitoring.md").read_text()
    families = {name for name in told(base) if not name.startswith(("process_", "python_gc_"))}
    families = {re.sub("(_bucket|_sum)$", "", name) for name in families}
    families = {name for name in families if not (name.endswith("_count") and name.removesuffix("_count") in families)}
    listed = set(re.findall(r"^\| `((?::tensorflow|recommender_)[^`]+)`", text, re.MULTILINE))
    assert listed == families
    for _, expression in expressions():
        assert expression.strip()


def test_every_alert_says_what_to_do():
    alerts = [rule for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
              for rule in group["rules"] if "alert" in rule]  # fmt: skip
    text = (ROOT / "docs" / "monitoring.md").read_text()
    assert len(alerts) >= 6
    for alert in alerts:
        assert alert["annotations"].keys() >= {"summary", "description"}
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert f"`{alert['alert']}`" in text
