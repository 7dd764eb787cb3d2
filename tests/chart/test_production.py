"""What the chart has for production: where pods run, who reaches them, what is added to them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from darkroom_cluster.binary import helm_path

CHART = Path(__file__).parents[2] / "charts/darkroom"
KIND = ("--values", str(CHART / "values-kind.yaml"))
PRODUCTION = ("--values", str(CHART / "values-production.yaml"))
OPENSHIFT = (*PRODUCTION, "--values", str(CHART / "values-openshift.yaml"))
PROFILES = {"evaluation": (), "kind": KIND, "production": PRODUCTION, "openshift": OPENSHIFT}
EVERYTHING = {
    "networkPolicy.enabled": True,
    "priorityClass.create": True,
    "aggregatedRoles.enabled": True,
    "operator.allNamespaces": True,
    "api.trustedProxies": "*",
    "api.ingress": {"enabled": True, "host": "darkroom.example", "tlsSecret": "tls"},
}

Documents = dict[tuple[str, str], dict[str, Any]]


def template(*arguments: str, **values: Any) -> subprocess.CompletedProcess[str]:
    sets = [part for name, value in values.items() for part in set_json(name, value)]
    command = [str(helm_path()), "template", "darkroom", str(CHART), "--namespace", "media"]
    return subprocess.run(
        [*command, *arguments, *sets], capture_output=True, text=True, check=False
    )


def set_json(name: str, value: Any) -> tuple[str, str]:
    return "--set-json", f"{name}={json.dumps(value)}"


def render(*arguments: str, **values: Any) -> Documents:
    done = template(*arguments, **values)
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    # The release has one more RoleBinding of a name, in kube-system.
    own = [d for d in documents if d["metadata"].get("namespace", "media") == "media"]
    found = {(d["kind"], d["metadata"]["name"]): d for d in own}
    assert len(found) == len(own), "two objects have one name"
    return found


def pods(documents: Documents) -> dict[str, dict[str, Any]]:
    """Return the pod of each template, and each pod, by the names of what holds it."""
    specs = {
        name: document["spec"]["template"]["spec"]
        for (_, name), document in documents.items()
        if "template" in document.get("spec", {})
    }
    return specs | {n: d["spec"] for (kind, n), d in documents.items() if kind == "Pod"}


def api(documents: Documents) -> dict[str, Any]:
    spec: dict[str, Any] = documents["Deployment", "darkroom-api"]["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["as it is", "with everything"])
def test_every_manifest_is_what_kubernetes_documents(profile: str, values: dict[str, Any]) -> None:
    known = 0
    for document in render(*PROFILES[profile], **values).values():
        if document["kind"] == "CustomResourceDefinition":
            continue
        kubernetes_validate.validate(document, "1.36", strict=True)
        known += 1
    assert known > 15


def test_no_two_objects_of_the_chart_reach_beyond_the_release_unasked() -> None:
    """A namespace's admin can install what the defaults render, but for the CRDs."""
    cluster = {"ClusterRole", "ClusterRoleBinding", "PriorityClass", "APIService"}
    assert not cluster & {kind for kind, _ in render()}


class TestPlacement:
    def test_the_pods_of_the_release_run_where_they_are_told_to(self) -> None:
        values = {
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "media", "operator": "Exists"}],
            "image.pullSecrets": ["mirror"],
        }
        documents = render(**values)
        assert len(pods(documents)) >= 8
        for name, pod in pods(documents).items():
            assert pod["nodeSelector"] == {"disk": "fast"}, name
            assert pod["tolerations"] == values["tolerations"], name
            assert pod["imagePullSecrets"] == [{"name": "mirror"}], name
        operator = documents["Deployment", "darkroom-operator"]["spec"]["template"]["spec"]
        environment = {v["name"]: v.get("value") for v in operator["containers"][0]["env"]}
        assert environment["DARKROOM_PROCESSOR_PULL_SECRETS"] == '["mirror"]'

    def test_replicas_are_spread_over_nodes_unless_it_is_told_otherwise(self) -> None:
        (spread,) = api(render(*PRODUCTION))["topologySpreadConstraints"]
        assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == (
            "kubernetes.io/hostname",
            "ScheduleAnyway",
        )
        without = api(render(**{"api.topologySpreadConstraints": []}))
        assert "topologySpreadConstraints" not in without

    def test_the_priority_class_that_is_made_is_used(self) -> None:
        documents = render(**{"priorityClass.create": True})
        assert ("PriorityClass", "media-darkroom") in documents
        assert api(documents)["priorityClassName"] == "media-darkroom"
        own = render(**{"priorityClass.create": True, "api.priorityClassName": "mine"})
        assert api(own)["priorityClassName"] == "mine"
        assert "priorityClassName" not in api(render())

    def test_a_digest_says_more_than_a_tag(self) -> None:
        digest = "sha256:" + "0" * 64
        values = {"image.registry": "mirror.example/", "api.image.digest": digest}
        image = api(render(**values))["containers"][0]["image"]
        assert image == f"mirror.example/darkroom-api@{digest}"


class TestUsers:
    def test_no_pod_asks_for_a_user_where_the_cluster_gives_them(self) -> None:
        documents = render(*OPENSHIFT)
        for name, pod in pods(documents).items():
            assert pod["securityContext"] == {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            }, name
        operator = pods(documents)["darkroom-operator"]["containers"][0]["env"]
        assert {"name": "DARKROOM_PROCESSOR_FIXED_USER", "value": "false"} in operator

    def test_a_security_context_is_laid_over_the_charts(self) -> None:
        values = {
            "api.podSecurityContext": {"fsGroup": 1},
            "api.containerSecurityContext": {"readOnlyRootFilesystem": False},
        }
        pod = api(render(**values))
        assert pod["securityContext"]["fsGroup"] == 1
        assert pod["securityContext"]["runAsNonRoot"] is True
        security = pod["containers"][0]["securityContext"]
        assert security["readOnlyRootFilesystem"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}


class TestAdditions:
    def test_a_variable_that_is_added_replaces_the_charts_and_stands_once(self) -> None:
        added = [
            {"name": "DARKROOM_TRUSTED_PROXIES", "value": "10.0.0.1"},
            {"name": "TZ", "value": "Europe/Berlin"},
        ]
        environment = api(render(**{"api.extraEnv": added}))["containers"][0]["env"]
        named = [v for v in environment if v["name"] in {"DARKROOM_TRUSTED_PROXIES", "TZ"}]
        assert named == added

    def test_volumes_reach_the_migrations_too(self) -> None:
        values: dict[str, Any] = {
            "api.extraVolumes": [{"name": "ca", "secret": {"secretName": "ca"}}],
            "api.extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
            "api.extraEnv": [{"name": "PGSSLROOTCERT", "value": "/ca/ca.crt"}],
            "api.extraEnvFrom": [{"configMapRef": {"name": "more"}}],
        }
        pod = api(render(**values))
        assert {"name": "ca", "secret": {"secretName": "ca"}} in pod["volumes"]
        for container in [*pod["initContainers"], *pod["containers"]]:
            assert {"name": "ca", "mountPath": "/ca"} in container["volumeMounts"]
            assert values["api.extraEnv"][0] in container["env"]
            assert {"configMapRef": {"name": "more"}} in container["envFrom"]

    def test_the_buckets_credentials_stay_beside_what_is_added(self) -> None:
        more = [{"configMapRef": {"name": "more"}}]
        pod = api(render(*PRODUCTION, **{"api.extraEnvFrom": more}))
        assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "darkroom-s3"}}, *more]

    def test_labels_and_annotations_are_added_and_selectors_stay(self) -> None:
        values = {
            "api.podLabels": {"team": "media", "app.kubernetes.io/component": "mine"},
            "api.podAnnotations": {"note": "of the pods"},
            "api.annotations": {"note": "of the Deployment"},
        }
        deployment = render(**values)["Deployment", "darkroom-api"]
        assert deployment["metadata"]["annotations"] == {"note": "of the Deployment"}
        metadata = deployment["spec"]["template"]["metadata"]
        assert metadata["annotations"] == {"note": "of the pods"}
        assert metadata["labels"]["team"] == "media"
        selector = deployment["spec"]["selector"]["matchLabels"].items()
        assert selector <= metadata["labels"].items()

    def test_further_objects_may_have_templates_in_them(self) -> None:
        objects = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "of-{{ .Release.Name }}"},
            },
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Namespace }}-too'}",
        ]
        documents = render(extraObjects=objects)
        assert ("ConfigMap", "of-darkroom") in documents
        assert ("ConfigMap", "media-too") in documents

    def test_keys_of_a_secret_of_ones_own_may_be_called_otherwise(self) -> None:
        values = {"secrets.existingSecret": "mine", "secrets.keys.jwt": "token"}
        variables = {v["name"]: v for v in api(render(**values))["containers"][0]["env"]}
        reference = variables["DARKROOM_JWT_KEY"]["valueFrom"]["secretKeyRef"]
        assert reference == {"name": "mine", "key": "token"}


class TestDisruption:
    def test_several_replicas_have_a_budget_and_a_single_one_none(self) -> None:
        documents = render(*PRODUCTION)
        for name in ("darkroom-api", "darkroom-operator"):
            spec = documents["PodDisruptionBudget", name]["spec"]
            assert spec["maxUnavailable"] == 1
            selector = documents["Deployment", name]["spec"]["selector"]
            assert spec["selector"] == selector
        # With one replica a budget would keep its node from ever being drained.
        assert not [name for kind, name in render(*KIND) if kind == "PodDisruptionBudget"]

    def test_an_autoscaled_api_has_no_replicas_that_an_upgrade_could_set(self) -> None:
        documents = render(*PRODUCTION)
        assert "replicas" not in documents["Deployment", "darkroom-api"]["spec"]
        scaler = documents["HorizontalPodAutoscaler", "darkroom-api"]["spec"]
        assert scaler["scaleTargetRef"]["name"] == "darkroom-api"
        # A share of nothing cannot be computed.
        assert api(documents)["containers"][0]["resources"]["requests"]["cpu"]


class TestNetwork:
    def policies(self, *arguments: str, **values: Any) -> dict[str, dict[str, Any]]:
        documents = render(*arguments, **{"networkPolicy.enabled": True, **values})
        return {n: d["spec"] for (kind, n), d in documents.items() if kind == "NetworkPolicy"}

    def test_there_is_none_unless_it_is_asked_for(self) -> None:
        assert not [name for kind, name in render() if kind == "NetworkPolicy"]

    def test_processors_are_asked_by_nobody_and_reach_nothing_private_but_the_api(self) -> None:
        policy = self.policies()["darkroom-processor"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in policy
        peers = [peer for rule in policy["egress"] for peer in rule.get("to", [])]
        blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
        assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"} <= set(blocks[0]["except"])
        pods = [peer["podSelector"]["matchLabels"] for peer in peers if "podSelector" in peer]
        assert [labels["app.kubernetes.io/component"] for labels in pods] == ["api"]
        # What has no peers is open to every address: names, and nothing else.
        anywhere = [rule["ports"] for rule in policy["egress"] if "to" not in rule]
        assert {port["port"] for ports in anywhere for port in ports} == {53, 5353}

    def test_without_public_sources_processors_reach_what_is_named_alone(self) -> None:
        values = {
            "networkPolicy.publicSources": False,
            "networkPolicy.storageNetworks": ["10.1.0.0/16"],
            "processor.allowedSourceNetworks": ["10.2.0.0/16"],
        }
        policy = self.policies(**values)["darkroom-processor"]
        peers = [peer for rule in policy["egress"] for peer in rule.get("to", [])]
        assert [peer["ipBlock"]["cidr"] for peer in peers if "ipBlock" in peer] == [
            "10.1.0.0/16",
            "10.2.0.0/16",
        ]

    def test_the_selector_of_processors_is_what_the_operator_puts_on_their_pods(self) -> None:
        from darkroom_core import names  # noqa: PLC0415  # beside what it is compared with

        assert self.policies()["darkroom-processor"]["podSelector"]["matchLabels"] == {
            names.MANAGED_BY_LABEL: names.OPERATOR,
            names.COMPONENT_LABEL: "processor",
        }

    def test_who_may_ask_the_api_does_not_shut_out_the_releases_own(self) -> None:
        peer = {"namespaceSelector": {"matchLabels": {"name": "ingress"}}}
        (rule,) = self.policies(**{"networkPolicy.apiFrom": [peer]})["darkroom-api"]["ingress"]
        assert rule["from"][0] == peer
        components = [
            p["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for p in rule["from"][1:]
        ]
        assert components == ["processor", "operator", "test"]

    def test_postgres_is_asked_by_api_and_operator_alone_and_asks_nobody(self) -> None:
        policy = self.policies()["darkroom-postgres"]
        (rule,) = policy["ingress"]
        assert len(rule["from"]) == 2
        assert "egress" not in policy
        assert "Egress" in policy["policyTypes"]
        external = self.policies(*PRODUCTION, **{"networkPolicy.databasePort": 6432})
        assert "darkroom-postgres" not in external
        ports = [p["port"] for r in external["darkroom-operator"]["egress"] for p in r["ports"]]
        assert 6432 in ports


class TestRoutes:
    def test_an_ingress_leads_to_the_api(self) -> None:
        documents = render(**EVERYTHING)
        spec = documents["Ingress", "darkroom-api"]["spec"]
        assert spec["tls"] == [{"secretName": "tls", "hosts": ["darkroom.example"]}]
        backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
        service = documents["Service", backend["name"]]["spec"]
        assert backend["port"]["name"] in [port["name"] for port in service["ports"]]

    def test_a_route_of_a_gateway_leads_to_the_api_and_cuts_no_stream(self) -> None:
        route = {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["a.example"]}
        documents = render(**{"api.httpRoute": route, "api.trustedProxies": "*"})
        (rule,) = documents["HTTPRoute", "darkroom-api"]["spec"]["rules"]
        assert rule["backendRefs"] == [{"name": "darkroom-api", "port": 80}]
        assert rule["timeouts"] == {"request": "0s"}


class TestAggregatedRoles:
    def test_each_of_the_clusters_roles_gets_its_part(self) -> None:
        documents = render(**{"aggregatedRoles.enabled": True})
        prefix = "rbac.authorization.k8s.io/aggregate-to-"
        given: dict[str, set[tuple[str, str]]] = {"view": set(), "edit": set(), "admin": set()}
        for (kind, _), role in documents.items():
            if kind != "ClusterRole":
                continue
            rights = {
                (r, v) for rule in role["rules"] for r in rule["resources"] for v in rule["verbs"]
            }
            for label in role["metadata"]["labels"]:
                if label.startswith(prefix):
                    given[label.removeprefix(prefix)] |= rights
        assert ("processingtasks", "list") in given["view"]
        assert not {verb for _, verb in given["view"]} - {"get", "list", "watch"}
        assert ("processingtasks", "delete") in given["edit"]
        assert ("processorpools", "patch") not in given["edit"]
        assert ("processorpools", "patch") in given["admin"]
        assert given["view"] < given["edit"] < given["admin"]


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "several replicas on a volume of one": ({"api.replicas": 2}, "api.replicas can only be 1"),
    "a scaled API on a volume of one": (
        {"api.autoscaling.enabled": True},
        "api.autoscaling cannot be enabled",
    ),
    "two databases": (
        {"database.external.existingSecret": "a"},
        "database.builtin.enabled is true",
    ),
    "a bucket and a volume": ({"storage.s3.bucket": "a"}, "storage.backend is local"),
    "a database without a name": ({"fixedUser": False}, "database.builtin.enabled needs fixedUser"),
    "keys of no secret": ({"secrets.keys.jwt": "a"}, "name that Secret"),
    "a pool that is scaled and not made": (
        {"autoscaling.enabled": True, "pool.enabled": False},
        "set pool.enabled",
    ),
    "fewest above most": (
        {"autoscaling.enabled": True, "autoscaling.minReplicas": 99},
        "autoscaling.minReplicas is above",
    ),
    "an ingress for nobody": ({"api.ingress.enabled": True}, "api.ingress.host must name"),
    "a proxy that is not believed": (
        {"api.ingress": {"enabled": True, "host": "a"}},
        "api.trustedProxies must be",
    ),
    "a route of no gateway": (
        {"api.httpRoute.enabled": True, "api.trustedProxies": "*"},
        "api.httpRoute.parentRefs must name",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_values_that_contradict_each_other_are_refused_with_a_sentence(case: str) -> None:
    values, sentence = CONTRADICTIONS[case]
    done = template(**values)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_all_contradictions_are_told_at_once() -> None:
    done = template(**{"fixedUser": False, "storage.s3.bucket": "a", "api.replicas": 2})
    told = [line for line in done.stderr.splitlines() if line.startswith("  ")]
    assert len(told) == 3


@pytest.mark.parametrize(
    "path",
    [
        *("api.podDisruptionBudget", "api.ingress", "api.autoscaling", "networkPolicy"),
        *("secrets.keys", "image", "priorityClass", "operator.image", "database.builtin"),
    ],
)
def test_a_misspelt_value_is_refused_at_every_level(path: str) -> None:
    done = template(**{f"{path}.unheard": "of"})
    assert done.returncode != 0
    assert "unheard" in done.stderr
