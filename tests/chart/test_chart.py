"""The chart renders with every profile, refuses nonsense, and asks for no more than it uses."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from darkroom_api.doctor.cluster import RIGHTS, Right
from darkroom_cluster.binary import helm_path
from darkroom_operator.settings import Settings as OperatorSettings
from pydantic import BaseModel

CHART = Path(__file__).parents[2] / "charts/darkroom"
PROFILES: dict[str, list[str]] = {
    "evaluation": [],
    "kind": ["--values", str(CHART / "values-kind.yaml")],
    "production": ["--values", str(CHART / "values-production.yaml")],
}
PROFILES["openshift"] = [
    *PROFILES["production"],
    *("--values", str(CHART / "values-openshift.yaml")),
]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(helm_path()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def render(*arguments: str) -> list[dict[str, Any]]:
    done = helm("template", "darkroom", str(CHART), "--namespace", "darkroom", *arguments)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def pod_templates(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [d["spec"]["template"] for d in documents if "template" in d.get("spec", {})]


def objects(documents: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {d["metadata"]["name"]: d for d in documents if d["kind"] == kind}


@pytest.mark.parametrize("profile", PROFILES)
def test_helm_lint_passes(profile: str) -> None:
    done = helm("lint", "--strict", str(CHART), *PROFILES[profile])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_every_pod_meets_the_restricted_standard(profile: str) -> None:
    templates = pod_templates(render(*PROFILES[profile]))
    assert templates
    for template in templates:
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("profile", PROFILES)
def test_no_variable_is_given_twice(profile: str) -> None:
    """Server-side apply, which Helm 4 uses, refuses two entries of one name."""
    for template in pod_templates(render(*PROFILES[profile])):
        for container in template["spec"]["containers"]:
            names = [variable["name"] for variable in container.get("env", [])]
            assert len(names) == len(set(names))


@pytest.mark.parametrize("profile", PROFILES)
def test_rendering_twice_gives_the_same(profile: str) -> None:
    """Under GitOps every render is applied, so nothing may be made up while rendering."""
    assert render(*PROFILES[profile]) == render(*PROFILES[profile])


def test_no_role_has_a_wildcard_and_none_is_for_the_whole_cluster() -> None:
    documents = render(*PROFILES["kind"])
    assert not objects(documents, "ClusterRole")
    for role in objects(documents, "Role").values():
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]


def test_the_doctor_asks_for_just_the_rights_that_the_api_has() -> None:
    roles = objects(render(*PROFILES["kind"]), "Role")
    granted = {
        Right(group, resource, verb, below)
        for rule in roles["darkroom-api"]["rules"]
        for group in rule["apiGroups"]
        for resource, _, below in (name.partition("/") for name in rule["resources"])
        for verb in rule["verbs"]
    }
    assert set(RIGHTS) == granted


def test_the_roles_are_just_these() -> None:
    roles = objects(render(*PROFILES["kind"]), "Role")
    granted = {
        name: {
            (resource, verb)
            for rule in role["rules"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        for name, role in roles.items()
    }
    assert granted == {
        "darkroom-api": {
            *(("processingtasks", verb) for verb in ("create", "get", "delete")),
            *(
                (resource, verb)
                for resource in ("processingrecipes", "processingschedules")
                for verb in ("create", "get", "list", "update", "delete")
            ),
            ("pods", "list"),
            ("pods/log", "get"),
        },
        "darkroom-operator": {
            *(("processingtasks", verb) for verb in ("create", "list", "watch", "delete")),
            *(("processorpools", verb) for verb in ("list", "watch")),
            *(("processingschedules", verb) for verb in ("list", "watch")),
            *(("processingrecipes", verb) for verb in ("list", "watch")),
            ("processingtasks/status", "patch"),
            ("processorpools/status", "patch"),
            ("processingschedules/status", "patch"),
            ("processingtasks/finalizers", "update"),
            ("processingschedules/finalizers", "update"),
            *(("jobs", verb) for verb in ("create", "list", "watch", "deletecollection")),
            *(("pods", verb) for verb in ("list", "watch", "deletecollection")),
            *(("events", verb) for verb in ("create", "list")),
        },
        "darkroom-operator-lease": {("leases", verb) for verb in ("create", "get", "update")},
        "darkroom-bootstrap": {("secrets", "create")},
        "darkroom-pool": {("processorpools", verb) for verb in ("create", "patch")},
        "darkroom-recipes": {("processingrecipes", verb) for verb in ("create", "patch")},
        "darkroom-retention": {("processingschedules", verb) for verb in ("create", "patch")},
    }


def test_only_an_operator_of_all_namespaces_has_rights_beyond_its_own() -> None:
    assert not objects(render(), "ClusterRole")
    documents = render("--set", "operator.allNamespaces=true")
    (role,) = objects(documents, "ClusterRole").values()
    assert {"processingtasks", "jobs", "pods"} < {
        resource for rule in role["rules"] for resource in rule["resources"]
    }
    assert "darkroom-operator" not in objects(documents, "Role")
    assert "darkroom-operator-lease" in objects(documents, "Role")


def test_the_production_profile_runs_no_database_and_no_volume() -> None:
    documents = render(*PROFILES["production"])
    assert not objects(documents, "StatefulSet")
    assert not objects(documents, "PersistentVolumeClaim")


def test_an_existing_secret_is_used_and_none_is_made() -> None:
    documents = render("--set", "secrets.existingSecret=mine")
    assert not [name for name in objects(documents, "Job") if "bootstrap" in name]
    text = yaml.safe_dump_all(documents)
    assert "name: mine" in text
    assert "darkroom-secrets" not in text


def test_a_job_of_one_name_has_one_template() -> None:
    """A Job's template is immutable: an upgrade that changed it under its name would fail."""
    jobs: dict[str, Any] = {}
    for arguments in (
        [],
        ["--set", "image.pullPolicy=Always"],
        ["--set", "api.image.tag=two"],
        ["--set", "api.replicas=0"],
    ):
        for name, job in objects(render(*arguments), "Job").items():
            template = job["spec"]["template"]
            assert jobs.setdefault(name, template) == template
            assert "helm.sh/chart" not in template["metadata"]["labels"]
    assert len([name for name in jobs if "bootstrap" in name]) == 3
    assert len([name for name in jobs if "pool" in name]) == 2


def test_what_belongs_together_is_kept_together_on_uninstall() -> None:
    (claim,) = objects(render(), "PersistentVolumeClaim").values()
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_crds_are_kept_on_uninstall_and_can_be_left_out() -> None:
    crds = objects(render(), "CustomResourceDefinition")
    assert crds
    for crd in crds.values():
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    left_out = render("--set", "crds.enabled=false")
    assert not objects(left_out, "CustomResourceDefinition")


REFUSED = [
    (["--set", "api.replica=2"], "replica"),
    (["--set", "storage.backend=ftp"], "storage"),
    (["--set", "api.replicas=2"], "api.replicas can only be 1 with storage.backend local"),
    (["--set", "database.builtin.enabled=false"], "database.external.existingSecret"),
    (["--set", "storage.backend=s3"], "storage.s3.bucket"),
    (["--set", "processor.allowedSourceNetworks={everything}"], "allowedSourceNetworks"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED)
def test_values_that_cannot_work_are_refused_by_name(arguments: list[str], sentence: str) -> None:
    done = helm("template", "darkroom", str(CHART), *arguments)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_every_value_is_in_the_schema_and_has_its_meaning_above_it() -> None:
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.validate(values, schema)
    lines = text.splitlines()
    for path in leaves(values, schema):
        name = path.rpartition(".")[2]
        places = [i for i, line in enumerate(lines) if re.match(rf"\s*{name}:", line)]
        assert any("#" in lines[i - 1] for i in places), f"{path} is not explained"


def settings_of(model: type[BaseModel], prefix: str = "DARKROOM_") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= settings_of(inner, f"{prefix}{name.upper()}__")
        else:
            found.add(f"{prefix}{name.upper()}")
    return found


def variables_of(component: str, profile: str) -> set[str]:
    documents = render(*PROFILES[profile], "--set", "autoscaling.enabled=true")
    deployment = objects(documents, "Deployment")[f"darkroom-{component}"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {v["name"] for v in container["env"] if v["name"].startswith("DARKROOM_")}


# What the chart leaves at its default, on purpose. Of the API every setting has a place in the
# values: tests/chart/test_api_settings.py.
LEFT = {
    "DARKROOM_AUTOSCALING__PORT",
    "DARKROOM_LIVENESS_PORT",
    "DARKROOM_METRICS_PORT",
    "DARKROOM_STORAGE__DIRECTORY",
    "DARKROOM_WORKERS",
}


def test_the_chart_sets_every_setting_of_the_operator_or_leaves_it_on_purpose() -> None:
    given = variables_of("operator", "kind") | variables_of("operator", "production")
    # No profile needs another endpoint than Amazon's.
    endpoint = {"DARKROOM_STORAGE__ENDPOINT"}
    assert given == settings_of(OperatorSettings) - LEFT - endpoint


def leaves(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> list[str]:
    found = []
    for name, value in values.items():
        part = schema["properties"][name]
        here = f"{path}{name}"
        if "properties" in part and not {"requests", "limits"} & part["properties"].keys():
            found += leaves(value, part, f"{here}.")
        else:
            found.append(here)
    return found
