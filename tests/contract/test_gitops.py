"""What docs/howto/gitops.md tells Argo CD and Flux is right about what the operator writes."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import celpy
import pytest
import yaml
from celpy import celtypes
from celpy.adapter import json_to_cel
from darkroom_core.conditions import Reason, State, conditions_for
from darkroom_core.task import TaskStatus
from darkroom_operator.pool import read_pool, status_of_pool
from lupa.lua54 import LuaRuntime

PAGE = Path(__file__).parents[2] / "docs/howto/gitops.md"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOCUMENTS: list[dict[str, Any]] = [
    document
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for document in yaml.safe_load_all(block)
]


class Case(NamedTuple):
    argo: str
    flux: str
    resource: dict[str, Any]


def task(state: State, reason: Reason, *, generation: int = 1, seen: int = 1) -> dict[str, Any]:
    status = TaskStatus(
        observed_generation=seen,
        state=state,
        conditions=conditions_for(
            state, reason, "A sentence.", generation=seen, previous=[], now=NOW
        ),
    )
    return {
        "kind": "ProcessingTask",
        "metadata": {"name": "photo", "generation": generation},
        "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def pool(spec: dict[str, Any]) -> dict[str, Any]:
    raw = {
        "kind": "ProcessorPool",
        "metadata": {"name": "large", "namespace": "media", "uid": "1", "generation": 1},
        "spec": spec,
    }
    status = status_of_pool(read_pool(raw), 0, 0, NOW)
    return raw | {"status": status.model_dump(mode="json", by_alias=True, exclude_none=True)}


CASES = {
    "queued": Case("Progressing", "waits", task(State.QUEUED, Reason.WAITING)),
    "running": Case("Progressing", "waits", task(State.RUNNING, Reason.RUNNING)),
    "between two tries": Case("Progressing", "waits", task(State.RUNNING, Reason.RETRYING)),
    "suspended": Case("Suspended", "current", task(State.QUEUED, Reason.SUSPENDED)),
    "succeeded": Case("Healthy", "current", task(State.SUCCEEDED, Reason.PROCESSED)),
    "failed": Case("Degraded", "failed", task(State.FAILED, Reason.RETRIES_EXHAUSTED)),
    "rejected": Case("Degraded", "failed", task(State.FAILED, Reason.REJECTED)),
    "canceled": Case("Degraded", "failed", task(State.CANCELED, Reason.REJECTED)),
    "changed since it was looked at": Case(
        "Progressing",
        "inProgress",
        task(State.SUCCEEDED, Reason.PROCESSED, generation=2, seen=1),
    ),
    "new": Case(
        "Progressing",
        "inProgress",
        {"kind": "ProcessingTask", "metadata": {"generation": 1}, "status": {}},
    ),
    "pool at work": Case("Healthy", "current", pool({"replicas": 3})),
    "pool suspended": Case("Suspended", "current", pool({"replicas": 3, "suspend": True})),
    "pool that cannot be read": Case("Degraded", "failed", pool({"replicas": "many"})),
}


@pytest.mark.parametrize("name", CASES)
def test_argo_cd_shows_what_the_resource_is(name: str) -> None:
    case = CASES[name]
    health = shown_by_argo(case.resource)
    assert health["status"] == case.argo
    assert health["message"]


def test_argo_cd_copes_with_a_resource_without_a_status() -> None:
    bare = {"kind": "ProcessingTask", "metadata": {"generation": 1}}
    assert shown_by_argo(bare)["status"] == "Progressing"


@pytest.mark.parametrize("name", CASES)
def test_flux_waits_for_what_the_resource_is(name: str) -> None:
    case = CASES[name]
    expressions = expressions_of(case.resource["kind"])
    # The order in which Flux asks: the first that is true is what the resource is.
    verdicts = (
        verdict
        for verdict in ("inProgress", "failed", "current")
        if is_true(expressions[verdict], case.resource)
    )
    assert next(verdicts, "waits") == case.flux


def test_every_kind_that_has_a_status_is_told_of() -> None:
    kinds = set()
    for file in (PAGE.parents[2] / "crds").glob("*.darkroom.dev.yaml"):
        definition = yaml.safe_load(file.read_text())["spec"]
        if "status" in definition["versions"][0].get("subresources", {}):
            kinds.add(definition["names"]["kind"])
    assert {kind for kind in kinds if health_of(kind)} == kinds
    assert {kind for kind in kinds if expressions_of(kind)} == kinds


def health_of(kind: str) -> str:
    config = next(document for document in DOCUMENTS if document["kind"] == "ConfigMap")
    script: str = config["data"][f"resource.customizations.health.darkroom.dev_{kind}"]
    return script


def shown_by_argo(resource: dict[str, Any]) -> Any:
    lua = LuaRuntime()
    check = lua.eval(f"function(obj) {health_of(resource['kind'])} end")
    return check(lua.table_from(resource, recursive=True))


def expressions_of(kind: str) -> dict[str, str]:
    of = next(document for document in DOCUMENTS if document["kind"] == "Kustomization")
    found: list[dict[str, str]] = of["spec"]["healthCheckExprs"]
    return next(expressions for expressions in found if expressions["kind"] == kind)


def is_true(expression: str, resource: dict[str, Any]) -> bool:
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    told = {name: json_to_cel(value) for name, value in resource.items()}
    return bool(program.evaluate(told) == celtypes.BoolType(True))  # noqa: FBT003  # CEL's own
