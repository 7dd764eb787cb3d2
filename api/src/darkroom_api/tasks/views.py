"""How a row looks in REST."""

from typing import Any

from darkroom_core.conditions import State
from darkroom_core.task import Priority
from darkroom_core.trace_context import read
from darkroom_core.vocabulary import TaskType

from darkroom_api.tasks.files import Wish, key_of, wishes_of
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.retention import Retention, expires_at, outputs_expire_at
from darkroom_api.tasks.schemas import (
    ErrorView,
    KubernetesView,
    NamedSourceView,
    OutputView,
    SourceView,
    TaskUrls,
    TaskView,
    TryView,
)


def view_of(row: TaskRow, base_url: str, retention: Retention) -> TaskView:
    """Return the task with absolute URLs under `base_url`."""
    spec = row.spec or {}
    self_url = f"{base_url.rstrip('/')}/v1/tasks/{row.id}"
    made = {output["name"]: output for output in row.outputs}
    wishes = wishes_of(row.spec, row.recipe_outputs)
    if State(row.status) is State.SUCCEEDED:
        # What a set leaves out, as widths beyond its source, is not there and will not be.
        wishes = [wish for wish in wishes if wish.file.name in made]
    urls = {wish.file.name: f"{self_url}/outputs/{wish.file.name}" for wish in wishes}
    return TaskView(
        id=row.id,
        type=TaskType(spec.get("type", TaskType.IMAGE)),
        status=State(row.status),
        progress=row.progress,
        reason=row.reason,
        message=row.message or _why_it_waits(row) or _why_it_was_canceled(row),
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
        cancel_at=row.cancel_at,
        outputs_expire_at=outputs_expire_at(row, retention),
        expires_at=expires_at(row, retention),
        metadata=row.metadata,
        batch=row.batch,
        trace_id=context.trace_id if (context := read(row.traceparent)) else None,
        source=_source(row, spec.get("source") or {}),
        sources=[
            NamedSourceView(
                key=source.get("key"), url=source.get("url"), caption=source.get("caption", "")
            )
            for source in spec.get("sources") or ()
        ],
        recipe=spec.get("recipe"),
        outputs=[
            _output(wish, made.get(wish.file.name), row.uid or "", urls[wish.file.name])
            for wish in wishes
        ],
        error=ErrorView.model_validate(row.error) if row.error else None,
        urls=TaskUrls(
            self=self_url,
            cancel=f"{self_url}/cancel",
            retry=f"{self_url}/retry",
            replay=f"{self_url}/replay",
            events=f"{self_url}/events",
            logs=f"{self_url}/logs",
            result=f"{self_url}/result",
            archive=f"{self_url}/outputs.zip",
            share=f"{self_url}/share",
            facts=f"{self_url}/facts",
            outputs=urls,
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


def _why_it_was_canceled(row: TaskRow) -> str | None:
    if not row.cancel_at or not row.cancel_requested_at:
        return None
    if row.status == State.CANCELED.value and row.cancel_at <= row.cancel_requested_at:
        return "It had not ended when its Cancel-After was over."
    return None


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


def _source(row: TaskRow, source: dict[str, Any]) -> SourceView:
    facts = row.source_facts or {}
    return SourceView(
        filename=row.source_filename,
        bytes=row.source_bytes if row.source_bytes is not None else facts.get("bytes"),
        url=source.get("url"),
        key=source.get("key"),
        format=facts.get("format"),
        width=facts.get("width"),
        height=facts.get("height"),
        sha256=facts.get("sha256"),
        orientation=facts.get("orientation"),
        has_alpha=facts.get("hasAlpha"),
        frames=facts.get("frames"),
        duration_seconds=facts.get("durationSeconds"),
    )


def _output(wish: Wish, made: dict[str, Any] | None, uid: str, url: str) -> OutputView:
    known = made or {}
    return OutputView(
        name=wish.file.name,
        output=wish.output["name"],
        format=wish.file.format.value,
        operations=wish.output.get("operations", []),
        width=known.get("width"),
        height=known.get("height"),
        bytes=known.get("bytes"),
        sha256=known.get("sha256"),
        key=key_of(uid, wish.file) if made else None,
        url=url,
    )
