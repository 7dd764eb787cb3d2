"""The assignment of a task: its recipe, with a signed URL for each byte that may move."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from darkroom_core import assignment, names
from darkroom_core.assignment import (
    AssignedOutput,
    AssignedSource,
    Assignment,
    Limits,
    SignedRequest,
)
from darkroom_core.storage.base import Storage
from darkroom_core.storage.signing import PROGRESS_PATH, signed_url
from darkroom_core.task import Source, TaskSpec

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
    document = Assignment(
        task=task.metadata.name,
        source=_source(spec.source, terms, expires),
        outputs=[
            AssignedOutput(
                output=output,
                request=terms.signer.sign_put(
                    names.output_key(task.uid, output.name, output.format.extension),
                    content_type=output.format.media_type,
                    expires=expires,
                ),
            )
            for output in spec.outputs
        ],
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
    if source.key is not None:
        return AssignedSource(request=terms.signer.sign_get(source.key, expires=expires))
    return AssignedSource(
        request=SignedRequest(url=source.url or ""),
        guarded=True,
        allowed_networks=list(terms.allowed_networks),
    )


def _progress(uid: str, terms: Terms, expires: datetime) -> SignedRequest:
    path = PROGRESS_PATH + uid
    return SignedRequest(
        url=signed_url(terms.api_url, "POST", path, expires=expires, key=terms.signing_key)
    )
