"""One trace through everything: the API and the processor as processes, a collector that listens.

The operator's parts run here, around a cluster in memory: this test plays the kubelet.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.testing import FakeApiServer, User, register, until
from darkroom_api.testing.receiver import Receiver
from darkroom_core import names
from darkroom_core.tracing import open_tracing
from darkroom_operator import testing as operator_testing
from darkroom_operator.main import assemble
from darkroom_operator.postgres import Postgres
from darkroom_operator.schedules.testing import FakeSweeper
from darkroom_operator.settings import Settings as OperatorSettings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from PIL import Image

TRACE, CLIENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CLIENT}-01"
Environment = dict[str, str]
Served = tuple[str, subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Told:
    """A span that reached the collector."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    seconds: float
    attributes: dict[str, str]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The collector, and whoever is sent webhooks."""
    with Receiver().running() as receiver:
        yield receiver


@pytest.fixture
def environment(environment: Environment, receiver: Receiver, port: int) -> Environment:
    return environment | {
        "DARKROOM_STORAGE__URL": f"http://127.0.0.1:{port}",
        "DARKROOM_WEBHOOKS__ALLOW_HTTP": "true",
        "DARKROOM_WEBHOOKS__ALLOWED_NETWORKS": "127.0.0.1/32",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }


@pytest.fixture
async def ada(served: Served) -> AsyncIterator[User]:
    async with httpx2.AsyncClient(base_url=served[0], timeout=60) as client:
        yield await register(client, "ada@example.com")


def told(receiver: Receiver) -> list[Told]:
    found = []
    for received in receiver.at("/v1/traces"):
        request = ExportTraceServiceRequest.FromString(received.body)
        for resource in request.resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                found += [
                    Told(
                        named["service.name"],
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                        {a.key: a.value.string_value for a in span.attributes},
                    )
                    for span in scope.spans
                ]
    return found


def logged(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def picture() -> bytes:
    file = BytesIO()
    Image.effect_noise((640, 480), 90).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@asynccontextmanager
async def operator(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, resource: dict[str, Any]
) -> AsyncIterator[operator_testing.FakeCluster]:
    """The operator's parts, at work on this resource."""
    for name, value in environment.items():
        if not name.startswith("DARKROOM_LIMITS__"):  # the operator's limits are a processor's
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("DARKROOM_PROCESSOR_IMAGE", "processor:1")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "darkroom-operator")
    settings = OperatorSettings()
    cluster = operator_testing.FakeCluster()
    postgres = Postgres(settings.database_url.get_secret_value())
    tracing = open_tracing("darkroom-operator", os.environ)
    assert tracing
    parts, mirror = assemble(
        settings, cluster, postgres, FakeSweeper(lambda: datetime.now(UTC)), tracing
    )
    parts.tasks.remember(cluster.put("tasks", resource))
    parts.tasks.is_synced.set()
    running = [
        asyncio.create_task(part)
        for part in (
            *(parts.jobs.run(), parts.pods.run(), parts.pools.informer.run()),
            *(parts.recipes.informer.run(), mirror.run()),
        )
    ]
    await parts.reconciler.synced()
    running += [asyncio.create_task(part) for part in (parts.pools.run(), parts.reconciler.work())]
    parts.queue.add(resource["metadata"]["uid"])
    try:
        yield cluster
    finally:
        for part in running:
            part.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        tracing.close()
        await postgres.close()


def process(job: dict[str, Any], tmp_path: Path) -> tuple[list[dict[str, Any]], str]:
    """Run the Job's processor as its container does; return its log and its report."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    report = tmp_path / "report"
    done = subprocess.run(
        [sys.executable, "-m", "darkroom_processor"],
        env={
            "PATH": os.environ["PATH"],
            "DARKROOM_TERMINATION_LOG": str(report),
            **variables,
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], report.read_text()


def pod_of(resource: dict[str, Any], job: dict[str, Any], report: str) -> dict[str, Any]:
    now = datetime.now(UTC).replace(microsecond=0)
    state = operator_testing.terminated(0, report)
    state["terminated"] |= {
        "startedAt": (now - timedelta(seconds=2)).isoformat(),
        "finishedAt": now.isoformat(),
    }
    uid = resource["metadata"]["uid"]
    return operator_testing.raw_pod(
        state=state,
        phase="Succeeded",
        labels={names.TASK_UID_LABEL: uid, names.TRY_LABEL: "1"},
        ownerReferences=[{"kind": "Job", "name": job["metadata"]["name"], "controller": True}],
    )


async def created(api_server: FakeApiServer) -> dict[str, Any]:
    """The resource that the API made, as the API server would show it."""
    found = await until(
        lambda: [a for a in api_server.asked if a.method == "POST" and "tasks" in a.path]
    )
    body: dict[str, Any] = found[0].body
    return body


async def test_a_request_its_resource_its_processor_and_its_webhook_are_one_trace(
    ada: User,
    receiver: Receiver,
    api_server: FakeApiServer,
    environment: Environment,
    db: psycopg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (await ada.post("/v1/webhooks", json={"url": f"{receiver.url}/hook"})).raise_for_status()
    client = User(ada.http, ada.headers | {"traceparent": TRACEPARENT})

    task = (await client.upload(picture())).json()

    assert task["trace_id"] == TRACE
    resource = await created(api_server)
    annotations = resource["metadata"]["annotations"]
    uid = await until(lambda: db.execute("SELECT uid FROM tasks WHERE uid IS NOT NULL").fetchone())
    resource["metadata"] |= {
        "uid": uid[0],
        "generation": 1,
        "creationTimestamp": datetime.now(UTC).isoformat(),
    }
    async with operator(environment, monkeypatch, resource) as cluster:
        job = (await until(lambda: list(cluster.objects["jobs"].values())))[0]
        log, report = await asyncio.to_thread(process, job, tmp_path)
        cluster.put("pods", pod_of(resource, job, report))
        hook = (await until(lambda: receiver.at("/hook")))[0]
    shown = (await ada.get(f"/v1/tasks/{task['id']}")).json()
    assert (shown["status"], shown["trace_id"]) == ("succeeded", TRACE)

    def arrived() -> list[Told]:
        spans = [span for span in told(receiver) if span.trace == TRACE]
        return spans if any(span.name.startswith("webhook") for span in spans) else []

    spans = await until(arrived)
    assert len({span.id for span in spans}) == len(spans)
    by_name = {span.name: span for span in spans}
    request, submit = by_name["POST /v1/tasks"], by_name["submit task"]
    started = next(s for s in spans if s.name == "reconcile" and "k8s.job.name" in s.attributes)
    worked, sent = by_name["process"], by_name["webhook task.succeeded"]
    assert (request.service, request.parent) == ("darkroom-api", CLIENT)
    assert (submit.service, submit.parent) == ("darkroom-api", request.id)
    assert annotations[names.TRACEPARENT_ANNOTATION] == f"00-{TRACE}-{submit.id}-01"
    assert (started.service, started.parent) == ("darkroom-operator", submit.id)
    assert worked.parent == started.id
    steps = {span.name: span for span in spans if span.parent == worked.id}
    assert set(steps) == {"fetch", "decode", "render", "encode", "store"}
    assert all(0 <= step.seconds <= worked.seconds for step in steps.values())
    assert sum(step.seconds for step in steps.values()) > 0
    assert (sent.service, sent.parent) == ("darkroom-api", request.id)
    assert hook.headers["traceparent"] == f"00-{TRACE}-{sent.id}-01"
    assert sent.attributes["darkroom.task.id"] == task["id"]
    assert {line["trace"] for line in log} == {TRACE}
    assert {line["task"] for line in log} == {task["id"]}
    of_request = [line for line in logged(tmp_path) if line.get("trace") == TRACE]
    assert "POST /v1/tasks 202" in {line["message"] for line in of_request}


async def test_a_problem_names_its_trace_and_a_client_that_samples_nothing_is_heeded(
    ada: User, receiver: Receiver
) -> None:
    unsampled = {"traceparent": f"00-{TRACE}-{CLIENT}-00"}
    problem = (await ada.get("/v1/tasks/none", headers=unsampled)).json()
    assert problem["trace_id"] == TRACE
    own = (await ada.get("/v1/tasks/none", headers={"traceparent": "00-garbage"})).json()[
        "trace_id"
    ]
    spans = await until(lambda: [span for span in told(receiver) if span.trace == own])
    assert [(span.name, span.parent) for span in spans] == [("GET /v1/tasks/{task_id}", "")]
    assert TRACE not in {span.trace for span in told(receiver)}


class TestOff:
    @pytest.fixture
    def environment(self, environment: Environment) -> Environment:
        return environment | {"OTEL_SDK_DISABLED": "true"}

    async def test_there_is_no_trace_anywhere(
        self, ada: User, receiver: Receiver, api_server: FakeApiServer, tmp_path: Path
    ) -> None:
        client = User(ada.http, ada.headers | {"traceparent": TRACEPARENT})
        assert (await client.upload(picture())).json()["trace_id"] is None
        assert "trace_id" not in (await client.get("/v1/tasks/none")).json()
        assert "annotations" not in (await created(api_server))["metadata"]
        assert not receiver.received
        assert not [line for line in logged(tmp_path) if "trace" in line]


@pytest.mark.parametrize(
    "code",
    [
        "from darkroom_api import app, settings; app.create_app(settings.Settings())",
        "import darkroom_operator.main",
        "import darkroom_processor.command, darkroom_processor.tasks",
    ],
)
def test_without_a_collector_nothing_of_the_sdk_is_imported(
    code: str, environment: Environment
) -> None:
    named = {name: value for name, value in environment.items() if not name.startswith("OTEL_")}
    check = "import sys; print([m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {check}"],
        env={"PATH": os.environ["PATH"], **named},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
