"""skaffold.yaml is what its reference documents, and names what the repository and the chart have.

Skaffold itself comes from no package registry: its part, to apply a profile's patches and fill in
images, is played here.
"""

import copy
import json
import re
import subprocess
from functools import reduce
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from darkroom_cluster.binary import helm_path

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
SCHEMA = json.loads((Path(__file__).parent / "skaffold-v4beta13.schema.json").read_text())
PROFILES: dict[str, list[dict[str, Any]]] = {
    "": [],
    **{profile["name"]: profile["patches"] for profile in CONFIG["profiles"]},
}
IMAGE = re.compile(r"\{\{\.IMAGE_(REPO|TAG)_(\w+)\}\}")


def patched(config: dict[str, Any], patches: list[dict[str, Any]]) -> dict[str, Any]:
    """Apply JSON patches (RFC 6902): additions and removals."""
    document = copy.deepcopy(config)
    for patch in patches:
        *parents, last = patch["path"].removeprefix("/").split("/")
        holder = reduce(
            lambda at, step: at[int(step)] if isinstance(at, list) else at[step], parents, document
        )
        if patch["op"] == "remove":
            del holder[last]
        else:
            assert patch["op"] == "add"
            holder[last] = patch["value"]
    return document


@pytest.fixture(params=PROFILES, ids=lambda name: name or "no profile")
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return patched(CONFIG, PROFILES[request.param])


def artifacts(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {artifact["image"]: artifact for artifact in config["build"]["artifacts"]}


def rendered(config: dict[str, Any]) -> list[dict[str, Any]]:
    (release,) = config["deploy"]["helm"]["releases"]
    values = [("--values", str(ROOT / file)) for file in release["valuesFiles"]]
    for name, value in release.get("setValues", {}).items():
        values.append(("--set", f"{name}={json.dumps(value)}"))
    for name, template in release["setValueTemplates"].items():
        filled = IMAGE.sub(lambda m: f"{m[1].lower()}-{m[2]}", template)
        assert "{{" not in filled
        values.append(("--set-string", f"{name}={filled}"))
    done = subprocess.run(
        [
            *(str(helm_path()), "template", release["name"], str(ROOT / release["chartPath"])),
            *("--namespace", release["namespace"]),
            *(part for pair in values for part in pair),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def test_it_is_what_the_reference_documents(config: dict[str, Any]) -> None:
    jsonschema.validate(config, SCHEMA)


def test_the_profiles_are_those_that_are_documented() -> None:
    assert [profile["name"] for profile in CONFIG["profiles"]] == ["dev", "debug", "ci"]


def test_each_image_is_built_from_what_is_there(config: dict[str, Any]) -> None:
    assert len(artifacts(config)) == 3
    for artifact in artifacts(config).values():
        dockerfile = ROOT / artifact["docker"]["dockerfile"]
        text = dockerfile.read_text()
        stages = re.findall(r"^FROM \S+ AS (\w+)$", text, flags=re.MULTILINE)
        assert artifact["docker"].get("target", stages[0]) in stages
        for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, flags=re.MULTILINE):
            for path in source.split():
                assert (ROOT / artifact["context"] / path).exists(), f"{dockerfile}: {path}"


def test_what_is_copied_lands_where_the_package_is() -> None:
    synced: dict[str, set[str]] = {}
    for name, artifact in artifacts(patched(CONFIG, PROFILES["dev"])).items():
        for rule in artifact.get("sync", {}).get("manual", ()):
            files = list(ROOT.glob(rule["src"]))
            assert files, rule["src"]
            package = files[0].relative_to(ROOT / rule["strip"]).parts[0]
            synced.setdefault(name, set()).add(package)
            home = re.search(r"UV_PROJECT_ENVIRONMENT=(\S+)", _dockerfile(artifact))
            python = re.search(r"^ARG BASE=python:([0-9.]+)-", _dockerfile(artifact), re.MULTILINE)
            assert home
            assert python
            assert rule["dest"] == f"{home[1]}/lib/python{python[1]}/site-packages"
    assert synced == {
        "darkroom-api": {"darkroom_api", "darkroom_core"},
        "darkroom-operator": {"darkroom_operator", "darkroom_core"},
    }


def _dockerfile(artifact: dict[str, Any]) -> str:
    path: str = artifact["docker"]["dockerfile"]
    return (ROOT / path).read_text()


def test_the_chart_takes_the_values_and_runs_just_the_images_that_are_built(
    config: dict[str, Any],
) -> None:
    text = yaml.safe_dump_all(rendered(config))
    found = set(re.findall(r"(?:image|value): (repo-\S+)", text))
    assert found == {
        f"repo-{name.replace('-', '_')}:tag-{name.replace('-', '_')}" for name in artifacts(config)
    }


def test_a_program_that_is_developed_may_be_written_over() -> None:
    config = patched(CONFIG, PROFILES["dev"])
    deployments = [d for d in rendered(config) if d["kind"] == "Deployment"]
    assert len(deployments) == 2
    for deployment in deployments:
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is False
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_ports_lead_to_what_listens() -> None:
    documents = {(d["kind"].lower(), d["metadata"]["name"]): d for d in rendered(CONFIG)}
    (release,) = CONFIG["deploy"]["helm"]["releases"]
    local = [forward["localPort"] for forward in CONFIG["portForward"]]
    assert len(local) == len(set(local))
    for forward in CONFIG["portForward"]:
        assert forward["namespace"] == release["namespace"]
        target = documents[forward["resourceType"], forward["resourceName"]]
        spec = target["spec"]
        ports = (
            [port["port"] for port in spec["ports"]]
            if forward["resourceType"] == "service"
            else [p["containerPort"] for p in spec["template"]["spec"]["containers"][0]["ports"]]
        )
        assert forward["port"] in ports


def test_after_ci_a_picture_is_sent_through() -> None:
    config = patched(CONFIG, PROFILES["ci"])
    assert "portForward" not in config
    (hook,) = config["deploy"]["helm"]["hooks"]["after"]
    assert hook["host"]["command"][:3] == ["helm", "test", "darkroom"]
    assert [d for d in rendered(config) if "helm.sh/hook" in d["metadata"].get("annotations", {})]
