"""How a row looks in REST."""

from typing import Any

from darkroom_core.conditions import State
from darkroom_core.task import Priority

from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.schemas import (
    ErrorView,
    KubernetesView,
    OutputView,
    SourceView,
    TaskUrls,
    TaskView,
    TryView,
)


def view_of(row: TaskRow, base_url: str) -> TaskView:
    """Return the task with absolute URLs under `base_url`."""
    spec = row.spec or {}
    self_url = f"{base_url.rstrip('/')}/v1/tasks/{row.id}"
    wished: list[dict[str, Any]] = spec.get("outputs", [])
    urls = {output["name"]: f"{self_url}/outputs/{output['name']}" for output in wished}
    made = {output["name"]: output for output in row.outputs}
    source = spec.get("source", {})
    return TaskView(
        id=row.id,
        status=State(row.status),
        progress=row.progress,
        reason=row.reason,
        message=row.message or _why_it_waits(row),
        pool=row.pool,
        priority=Priority(spec.get("priority", Priority.DEFAULT)),
        attempts=row.attempts,
        tries=[_try(entry) for entry in row.tries],
        dead_lettered=row.dead_lettered,
        origin=row.origin,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        cancel_requested_at=row.cancel_requested_at,
        source=SourceView(
            filename=row.source_filename,
            bytes=row.source_bytes,
            url=source.get("url"),
            # Of an upload the key is nobody's business.
            key=None if row.owner else source.get("key"),
        ),
        outputs=[
            _output(output, made.get(output["name"], {}), urls[output["name"]]) for output in wished
        ],
        error=ErrorView.model_validate(row.error) if row.error else None,
        urls=TaskUrls(
            self=self_url, cancel=f"{self_url}/cancel", replay=f"{self_url}/replay", outputs=urls
        ),
        kubernetes=KubernetesView(namespace=row.namespace, name=row.name, uid=row.uid, job=row.job),
        owner=row.owner,
    )


def _why_it_waits(row: TaskRow) -> str | None:
    """Return what only Postgres knows: the resource does not exist yet."""
    if row.uid or State(row.status).is_final:
        return None
    if row.submit_error:
        return "Kubernetes did not take it yet; it is tried again."
    return "It waits for its turn to get into the cluster."


def _try(entry: dict[str, Any]) -> TryView:
    error = entry.get("error")
    return TryView(
        number=entry["number"],
        pod=entry["pod"],
        job=entry["job"],
        node=entry.get("node"),
        started_at=entry.get("startedAt"),
        finished_at=entry.get("finishedAt"),
        exit_code=entry.get("exitCode"),
        disrupted=entry.get("disrupted", False),
        error=ErrorView.model_validate(error) if error else None,
    )


def _output(wished: dict[str, Any], made: dict[str, Any], url: str) -> OutputView:
    return OutputView(
        name=wished["name"],
        format=wished["format"],
        operations=wished.get("operations", []),
        width=made.get("width"),
        height=made.get("height"),
        bytes=made.get("bytes"),
        sha256=made.get("sha256"),
        url=url,
    )
