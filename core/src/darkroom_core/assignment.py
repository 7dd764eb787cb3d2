"""The assignment: all that a processor is told.

A processor holds no credentials. It gets the recipe and signed, expiring URLs that reach its own
files only. How the document comes (in the environment of a cold Job's container, over the wire to
a warm one) is not part of it.
"""

from typing import Annotated, Final

from pydantic import Field

from darkroom_core.recipe import MAX_OUTPUTS, Output
from darkroom_core.schema import Document

MAX_BYTES: Final = 120_000
"""Longest assignment in bytes: Linux ends one environment string at 131,072 (MAX_ARG_STRLEN)."""


class SignedRequest(Document):
    """A request that whoever holds it may make, until it expires."""

    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that the signature covers: they must be sent as they are."""


class AssignedSource(Document):
    """Where the bytes come from."""

    request: SignedRequest
    guarded: bool = False
    """Whether the URL is a user's own, so that only public addresses may be reached by it."""
    allowed_networks: list[str] = Field(default_factory=list)
    """Networks (CIDR) that a guarded source may reach although they are not public."""


class AssignedOutput(Document):
    """One output, and where its bytes go (PUT)."""

    output: Output
    request: SignedRequest


class Limits(Document):
    """What a processor refuses to exceed; checked before anything is decoded."""

    source_bytes: int = 100_000_000
    """Longest source, in bytes."""
    pixels: int = 100_000_000
    """Most pixels of the source, width x height x frames, and of any one output."""
    seconds: int = 300
    """Longest time for one try, in seconds."""


class Assignment(Document):
    """One task, as the processor sees it."""

    task: str
    """The task's name, for logs."""
    source: AssignedSource
    outputs: Annotated[list[AssignedOutput], Field(min_length=1, max_length=MAX_OUTPUTS)]
    progress: SignedRequest | None = None
    """Where progress is posted (JSON `{"percent": 0-100}`); best effort."""
    limits: Limits = Limits()
