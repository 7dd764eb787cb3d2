"""Every setting of the API can be given by the chart, arrives as written, and is checked before."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from darkroom_api.settings import Settings
from darkroom_cluster.binary import helm_path
from pydantic import BaseModel

CHART = Path(__file__).parents[2] / "charts/darkroom"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
API = SCHEMA["properties"]["api"]["properties"]


def rendered(tmp_path: Path, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    command = [str(helm_path()), "template", "darkroom", str(CHART), "--values", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def variables(tmp_path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The environment of the API's container: values, or where they come from."""
    done = rendered(tmp_path, values)
    assert done.returncode == 0, done.stderr
    for document in yaml.safe_load_all(done.stdout):
        if document and document["kind"] == "Deployment" and "-api" in document["metadata"]["name"]:
            entries = document["spec"]["template"]["spec"]["containers"][0]["env"]
            assert len({entry["name"] for entry in entries}) == len(entries)
            return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in entries}
    pytest.fail("there is no API")


def paths_of(schema: dict[str, Any], path: str = "") -> list[str]:
    found: list[str] = []
    for name, inner in schema["properties"].items():
        is_group = inner.get("type") == "object" and "properties" in inner
        found += paths_of(inner, f"{path}{name}.") if is_group else [path + name]
    return found


def variable_of(path: str) -> str:
    return "DARKROOM_" + re.sub("([A-Z])", r"_\1", path).upper().replace(".", "__")


def settings_of(model: type[BaseModel], prefix: str = "DARKROOM_") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        variable, kind = prefix + name.upper(), field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= settings_of(kind, variable + "__")
        else:
            found.add(variable)
    return found


def test_every_setting_has_a_place_in_the_chart(tmp_path: Path) -> None:
    secret = API["secretSettings"]["properties"]
    by_path = {variable_of(path) for path in (*paths_of(API["settings"]), *secret)}
    said = set(variables(tmp_path, {"retention": {"historyAfterSeconds": 7776000}}))
    s3 = {"backend": "s3", "s3": {"bucket": "b", "endpoint": "http://s3"}}
    said |= set(variables(tmp_path, {"storage": s3}))
    not_in_a_pod = {
        *("DARKROOM_HOST", "DARKROOM_PORT", "DARKROOM_STORAGE__DIRECTORY"),
    }
    every = settings_of(Settings)
    assert every - by_path - said == not_in_a_pod
    assert by_path <= every
    assert not by_path & said


def test_what_is_written_arrives_as_the_api_reads_it(tmp_path: Path) -> None:
    settings = {"submitConcurrency": 32, "spoolBytes": 2000000000}
    found = variables(tmp_path, {"api": {"settings": settings}})
    assert found["DARKROOM_SUBMIT_CONCURRENCY"] == "32"
    assert found["DARKROOM_SPOOL_BYTES"] == "2000000000"


def test_secret_settings_come_from_their_secret(tmp_path: Path) -> None:
    path = next(iter(API["secretSettings"]["properties"]))
    given = {path: {"secret": "smtp", "key": "password"}}
    found = variables(tmp_path, {"api": {"secretSettings": given}})
    assert found[variable_of(path)] == {"secretKeyRef": {"name": "smtp", "key": "password"}}


@pytest.mark.parametrize(
    "settings",
    [{"submitConcurrenzy": 3}, {"submitConcurrency": 100_000}, {"submitConcurrency": "many"}],
)
def test_a_setting_that_is_none_or_out_of_range_is_refused(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    done = rendered(tmp_path, {"api": {"settings": settings}})
    assert done.returncode != 0
    assert "submitConcurren" in done.stderr


def test_several_replicas_on_local_storage_want_a_volume_that_they_share(tmp_path: Path) -> None:
    refused = rendered(tmp_path, {"api": {"replicas": 2}})
    assert "storage.local.accessModes to [ReadWriteMany], or use s3" in refused.stderr
    shared = {"api": {"replicas": 2}, "storage": {"local": {"accessModes": ["ReadWriteMany"]}}}
    assert rendered(tmp_path, shared).returncode == 0
