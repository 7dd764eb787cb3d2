"""The pool and what scales it: each mode renders what it needs, and nothing of the others."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from darkroom_cluster.binary import helm_path
from darkroom_core.pool import ProcessorPool
from darkroom_operator import apply
from darkroom_operator.autoscaling.metric import API_SERVICE, LABEL, METRIC

CHART = Path(__file__).parents[2] / "charts/darkroom"
EVALUATION = ("--values", str(CHART / "values-kind.yaml"))
EXTERNAL = (
    *("--values", str(CHART / "values-production.yaml")),
    *("--set", "api.autoscaling.enabled=false,aggregatedRoles.enabled=false"),
)
ON = ("--set", "autoscaling.enabled=true")

Documents = dict[tuple[str, str], dict[str, Any]]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(helm_path()), "template", "darkroom", str(CHART), "-n", "media", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def render(*arguments: str) -> Documents:
    done = helm(*arguments)
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    return {(d["kind"], d["metadata"]["name"]): d for d in documents}


def pool_of(documents: Documents) -> dict[str, Any]:
    (job,) = (d for (kind, name), d in documents.items() if kind == "Job" and "-pool-" in name)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (variable,) = container["env"]
    assert variable["name"] == apply.MANIFESTS
    (pool,) = json.loads(variable["value"])
    assert isinstance(pool, dict)
    return pool


def kinds(documents: Documents) -> set[str]:
    return {kind for kind, _ in documents}


def operator_variables(documents: Documents) -> dict[str, str]:
    pod = documents["Deployment", "darkroom-operator"]["spec"]["template"]["spec"]
    return {v["name"]: v.get("value", "") for v in pod["containers"][0]["env"]}


def test_the_pool_has_the_replicas_of_the_values() -> None:
    pool = pool_of(render("--set", "pool.replicas=7"))
    assert pool["metadata"]["namespace"] == "media"
    assert pool["spec"] == {"replicas": 7}
    assert apply.path_of(pool) == (
        "/apis/darkroom.dev/v1alpha1/namespaces/media/processorpools/default"
    )


def test_weights_and_template_are_passed_on(tmp_path: Path) -> None:
    template = {"image": "mine:1", "nodeSelector": {"disk": "fast"}}
    values = {"pool": {"weights": {"ann": 3}, "template": template}}
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    pool = pool_of(render("--values", str(file)))
    assert pool["spec"] == {"replicas": 10, "weights": {"ann": 3}, "template": template}
    assert ProcessorPool.model_validate(pool).spec.template.image == "mine:1"


def test_an_autoscaled_pool_has_no_replicas_that_an_upgrade_could_set() -> None:
    assert "replicas" not in pool_of(render(*ON))["spec"]


def test_the_pool_can_be_left_out() -> None:
    documents = render("--set", "pool.enabled=false")
    assert not [name for _, name in documents if "-pool" in name]


def test_without_autoscaling_there_is_nothing_of_it() -> None:
    documents = render(*EVALUATION)
    assert not kinds(documents) & {"HorizontalPodAutoscaler", "APIService", "ClusterRole"}
    assert not [name for name in operator_variables(documents) if "AUTOSCALING" in name]


@pytest.mark.parametrize("metrics", ["embedded", "prometheus-adapter"])
def test_the_autoscaler_looks_at_the_backlog_of_the_pool(metrics: str) -> None:
    documents = render(
        *ON,
        *("--set", f"autoscaling.metrics={metrics},autoscaling.maxReplicas=9"),
        *("--set", "autoscaling.targetBacklogPerReplica=4"),
        *("--set", "autoscaling.behavior.scaleDown.stabilizationWindowSeconds=7"),
    )
    spec = documents["HorizontalPodAutoscaler", "darkroom-default"]["spec"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessorPool",
        "name": "default",
    }
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 9)
    assert spec["behavior"] == {"scaleDown": {"stabilizationWindowSeconds": 7}}
    (metric,) = spec["metrics"]
    assert metric["external"] == {
        "metric": {"name": METRIC, "selector": {"matchLabels": {LABEL: "default"}}},
        "target": {"type": "AverageValue", "averageValue": "4"},
    }


def test_embedded_makes_the_operator_the_api_of_external_metrics() -> None:
    documents = render(*ON)
    service = documents["Service", "darkroom-external-metrics"]["spec"]
    api_service = documents["APIService", API_SERVICE]["spec"]
    assert api_service["service"] == {
        "name": "darkroom-external-metrics",
        "namespace": "media",
        "port": service["ports"][0]["port"],
    }
    pod = documents["Deployment", "darkroom-operator"]["spec"]["template"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    ports = {p["name"]: p["containerPort"] for p in pod["spec"]["containers"][0]["ports"]}
    assert ports[service["ports"][0]["targetPort"]] == 6443
    variables = operator_variables(documents)
    assert variables["DARKROOM_AUTOSCALING__EMBEDDED"] == "true"
    assert variables["DARKROOM_AUTOSCALING__SERVICE"] == "darkroom-external-metrics"


def test_an_upgrade_does_not_touch_the_authority_that_the_operator_sets() -> None:
    spec = render(*ON)["APIService", API_SERVICE]["spec"]
    assert "caBundle" not in spec
    assert "insecureSkipTLSVerify" not in spec


def test_the_operator_may_do_just_what_serving_takes() -> None:
    documents = render(*ON)
    secret = operator_variables(documents)["DARKROOM_AUTOSCALING__SECRET"]
    assert documents["Role", "darkroom-external-metrics"]["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": [secret],
            "verbs": ["get", "patch"],
        },
    ]
    assert documents["ClusterRole", "darkroom-external-metrics"]["rules"] == [
        {
            "apiGroups": ["apiregistration.k8s.io"],
            "resources": ["apiservices"],
            "resourceNames": [API_SERVICE],
            "verbs": ["get", "patch"],
        }
    ]


def test_one_binding_is_in_kube_system_and_reads_who_the_front_proxy_is() -> None:
    done = helm(*ON)
    (binding,) = (
        document
        for document in yaml.safe_load_all(done.stdout)
        if document and document["metadata"].get("namespace") == "kube-system"
    )
    assert binding["roleRef"]["name"] == "extension-apiserver-authentication-reader"
    assert binding["subjects"][0]["namespace"] == "media"


def test_prometheus_adapter_gets_a_rule_for_the_metric() -> None:
    documents = render(*ON, "--set", "autoscaling.metrics=prometheus-adapter")
    config = documents["ConfigMap", "darkroom-prometheus-adapter"]["data"]["config.yaml"]
    (rule,) = yaml.safe_load(config)["externalRules"]
    assert METRIC in rule["seriesQuery"]
    assert rule["resources"]["overrides"] == {"pool_namespace": {"resource": "namespace"}}
    assert not kinds(documents) & {"APIService", "ClusterRole", "ScaledObject"}
    assert "DARKROOM_AUTOSCALING__EMBEDDED" not in operator_variables(documents)


@pytest.mark.parametrize(
    ("profile", "parameter"), [(EVALUATION, "password"), (EXTERNAL, "connection")]
)
def test_keda_asks_postgres_itself(profile: tuple[str, str], parameter: str) -> None:
    documents = render(*profile, *ON, "--set", "autoscaling.metrics=keda")
    spec = documents["ScaledObject", "darkroom-default"]["spec"]
    assert spec["scaleTargetRef"]["kind"] == "ProcessorPool"
    (trigger,) = spec["triggers"]
    assert "namespace = 'media'" in trigger["metadata"]["query"]
    assert trigger["metadata"]["targetQueryValue"] == "2"
    assert ("host" in trigger["metadata"]) == (parameter == "password")
    reference = trigger["authenticationRef"]["name"]
    (secret,) = documents["TriggerAuthentication", reference]["spec"]["secretTargetRef"]
    assert secret["parameter"] == parameter
    assert not kinds(documents) & {"APIService", "ClusterRole", "HorizontalPodAutoscaler"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("autoscaling.metrics=datadog", "metrics"),
        ("autoscaling.minReplica=2", "minReplica"),
        ("autoscaling.minReplicas=0", "minReplicas"),
        ("autoscaling.minReplicas=51", "minReplicas is above"),
        ("autoscaling.behavior.scaleSideways.x=1", "scaleSideways"),
        ("pool.enabled=false", "pool.enabled"),
        ("pool.weights.ann=0", "weights"),
        ("pool.replica=1", "replica"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(values: str, sentence: str) -> None:
    done = helm(*ON, "--set", values)
    assert done.returncode != 0
    assert sentence in done.stderr
