"""The Kubernetes manifests: every field is one that the API knows, and what refers to something finds it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "serving" / "deploy" / "kubernetes"
MODELS = {
    ("apps/v1", "Deployment"): "V1Deployment",
    ("v1", "Service"): "V1Service",
    ("v1", "PersistentVolumeClaim"): "V1PersistentVolumeClaim",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "V2HorizontalPodAutoscaler",
    ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
    ("v1", "Pod"): "V1Pod",
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("rbac.authorization.k8s.io/v1", "Role"): "V1Role",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "V1RoleBinding",
}

kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
objects = [one for name in kustomization["resources"] for one in yaml.safe_load_all((FOLDER / name).read_text())]


def of_kind(kind):
    return [one for one in objects if one["kind"] == kind]


def read_by_the_api(one):
    """The object as the API's own client reads and writes it: it raises without a required field, and drops others."""
    api = pytest.importorskip("kubernetes.client").ApiClient()
    response = SimpleNamespace(data=json.dumps(one))
    return api.sanitize_for_serialization(api.deserialize(response, MODELS[one["apiVersion"], one["kind"]]))


@pytest.mark.parametrize("one", objects, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_the_api_knows_every_field(one):
    assert read_by_the_api(one) == one


def test_an_unknown_field_and_a_missing_one_are_found():
    (deployment,) = of_kind("Deployment")
    misspelt = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    assert read_by_the_api(misspelt) != misspelt
    without = {name: value for name, value in deployment["spec"].items() if name != "selector"}
    with pytest.raises(ValueError, match="selector"):
        read_by_the_api({**deployment, "spec": without})


def test_services_budget_autoscaler_and_policy_find_the_pods():
    (deployment,) = of_kind("Deployment")
    pods = deployment["spec"]["template"]
    labels = pods["metadata"]["labels"]
    ports = {port["name"] for port in pods["spec"]["containers"][0]["ports"]}
    selectors = [deployment["spec"]["selector"]["matchLabels"]]
    for service in of_kind("Service"):
        selectors.append(service["spec"]["selector"])
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    (budget,), (policy,) = of_kind("PodDisruptionBudget"), of_kind("NetworkPolicy")
    selectors += [budget["spec"]["selector"]["matchLabels"], policy["spec"]["podSelector"]["matchLabels"]]
    assert all(selector.items() <= labels.items() for selector in selectors)
    (scaler,) = of_kind("HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def test_every_volume_that_is_mounted_is_there_and_the_image_is_the_one_that_kustomize_names():
    (deployment,) = of_kind("Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    claims = {v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v}
    assert claims == {claim["metadata"]["name"] for claim in of_kind("PersistentVolumeClaim")}
    assert [image["name"] for image in kustomization["images"]] == [container["image"]]


def test_the_server_understands_its_arguments_and_listens_on_the_ports_that_are_named():
    from pipelines.cli.serve import serve

    (deployment,) = of_kind("Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    command, *arguments = container["args"]
    assert command == serve.name
    options = serve.make_context(command, list(arguments)).params
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"rest": options["rest_api_port"], "grpc": options["port"]}
    assert options["host"] == "0.0.0.0"
    (mount,) = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "models"]
    assert options["model_base_path"].startswith(f"{mount}/")


KSERVE = yaml.safe_load((FOLDER.parent / "kserve" / "recommender.yaml").read_text())
MONITOR = yaml.safe_load((FOLDER.parent / "monitoring" / "service_monitor.yaml").read_text())


def probes(container):
    return {
        name: (container[name]["httpGet"]["path"], container[name]["httpGet"]["port"])
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }


@pytest.mark.parametrize("where", ["kubernetes", "kserve"])
def test_the_probes_ask_what_the_server_answers(where):
    from serving.rest.app import LIVE_PATH, READY_PATH

    (deployment,) = of_kind("Deployment")
    pod = deployment["spec"]["template"]["spec"] if where == "kubernetes" else KSERVE["spec"]["predictor"]
    (container,) = pod["containers"]
    port = "rest" if where == "kubernetes" else 8501
    ready, live = (READY_PATH.decode(), port), (LIVE_PATH.decode(), port)
    assert probes(container) == {"startupProbe": ready, "readinessProbe": ready, "livenessProbe": live}


def test_kserves_container_is_one_of_a_pod_and_starts_the_same_server():
    """KServe's predictor is a pod's spec, with what KServe adds to it."""
    (deployment,) = of_kind("Deployment")
    spec = {"containers": KSERVE["spec"]["predictor"]["containers"], "volumes": KSERVE["spec"]["predictor"]["volumes"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    MODELS["v1", "Pod"] = "V1Pod"
    assert read_by_the_api(pod) == pod
    (container,) = spec["containers"]
    assert container["name"] == "kserve-container"
    (ours,) = deployment["spec"]["template"]["spec"]["containers"]
    for same in ("args", "resources", "volumeMounts"):
        assert container[same] == ours[same]
    assert spec["volumes"] == deployment["spec"]["template"]["spec"]["volumes"]
    assert container["ports"][0]["containerPort"] == 8501


def test_prometheus_finds_every_pod_once_and_is_let_in():
    from serving.rest.app import RestConfig

    wanted = MONITOR["spec"]["selector"]["matchLabels"]
    (service,) = [one for one in of_kind("Service") if wanted.items() <= one["metadata"].get("labels", {}).items()]
    (endpoint,) = MONITOR["spec"]["endpoints"]
    assert endpoint["path"] == RestConfig().metrics_path
    (port,) = [port for port in service["spec"]["ports"] if port["name"] == endpoint["port"]]
    (policy,) = of_kind("NetworkPolicy")
    let_in = {
        name: {port["port"] for port in rule["ports"]}
        for rule in policy["spec"]["ingress"]
        for peer in rule["from"]
        for name in [peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")]
    }
    assert let_in == {None: {8500, 8501}, "ingress-nginx": {8500, 8501}, "monitoring": {port["port"]}}
