"""The assignment of a task: its recipe, with a signed URL for each byte that may move."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from darkroom_core import assignment, names
from darkroom_core.assignment import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    Limits,
    SignedRequest,
)
from darkroom_core.recipe import File, files_of, overlays_of
from darkroom_core.source import NamedSource, Source
from darkroom_core.storage.base import Storage
from darkroom_core.storage.signing import PROGRESS_PATH, cleanup_path, signed_url
from darkroom_core.task import Cleanup, TaskSpec
from darkroom_core.vocabulary import Format

from darkroom_operator.errors import StalledError
from darkroom_operator.task import Task

# A Job's deadline runs from when its controller first saw it, which may be late in a long queue.
MARGIN: Final = timedelta(hours=1)
"""How much longer than the task's deadline its signed URLs are valid."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms processors work."""

    signer: Storage
    """Only its sign_get and sign_put are used: nothing is read or written here."""
    api_url: str
    """Where processors reach the API, for progress."""
    signing_key: bytes = field(repr=False)
    allowed_networks: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)


def assignment_for(task: Task, spec: TaskSpec, terms: Terms, now: datetime) -> str:
    """Return the assignment as JSON.

    Raises StalledError where it is longer than an environment variable may be.
    """
    expires = now + timedelta(seconds=spec.deadline_seconds) + MARGIN
    sources: Sequence[Source] = spec.sources or ([spec.source] if spec.source else [])
    document = Assignment(
        task=task.metadata.name,
        type=spec.type,
        sources=[_source(source, terms, expires) for source in sources],
        overlays=[_overlay(source, terms, expires) for source in overlays_of(spec.outputs)],
        outputs=[
            AssignedOutput(
                output=output,
                files=[_file(task.uid, file, terms, expires) for file in files_of(output)],
            )
            for output in spec.outputs
        ],
        facts=terms.signer.sign_put(
            names.output_key(task.uid, names.FACTS, Format.JSON.extension),
            content_type=Format.JSON.media_type,
            expires=expires,
        ),
        cleanup=_cleanup(task, spec.cleanup, terms, expires) if spec.cleanup else None,
        progress=_progress(task.uid, terms, expires),
        limits=terms.limits,
    )
    text = document.model_dump_json(by_alias=True, exclude_none=True)
    length = len(text.encode())
    if length > assignment.MAX_BYTES:
        raise StalledError(
            f"The recipe is too long for one task: {length} bytes of at most "
            f"{assignment.MAX_BYTES} with its signed URLs. Split its outputs into several tasks."
        )
    return text


def _source(source: Source, terms: Terms, expires: datetime) -> AssignedSource:
    name = source.caption if isinstance(source, NamedSource) else ""
    if source.key is not None:
        return AssignedSource(request=terms.signer.sign_get(source.key, expires=expires), name=name)
    return AssignedSource(
        request=SignedRequest(url=source.url or ""),
        name=name,
        guarded=True,
        allowed_networks=list(terms.allowed_networks),
    )


def _overlay(source: Source, terms: Terms, expires: datetime) -> AssignedSource:
    assigned = _source(source, terms, expires)
    return assigned.model_copy(update={"name": source.key or source.url or ""})


def _file(uid: str, file: File, terms: Terms, expires: datetime) -> AssignedFile:
    request = terms.signer.sign_put(
        names.output_key(uid, file.name, file.format.extension),
        content_type=file.format.media_type,
        expires=expires,
    )
    return AssignedFile(name=file.name, format=file.format, request=request)


def _progress(uid: str, terms: Terms, expires: datetime) -> SignedRequest:
    return _post(PROGRESS_PATH + uid, terms, expires)


def _cleanup(task: Task, cleanup: Cleanup, terms: Terms, expires: datetime) -> SignedRequest:
    path = cleanup_path(
        _owner(task), task.metadata.namespace, cleanup.older_than_seconds, cleanup.prefix
    )
    return _post(path, terms, expires)


def _owner(task: Task) -> str:
    """Return the user whose task it is; what else the label may say is a pool's own matter."""
    try:
        return str(UUID(task.metadata.labels.get(names.USER_LABEL, "")))
    except ValueError:
        return ""


def _post(path: str, terms: Terms, expires: datetime) -> SignedRequest:
    return SignedRequest(
        url=signed_url(terms.api_url, "POST", path, expires=expires, key=terms.signing_key)
    )
