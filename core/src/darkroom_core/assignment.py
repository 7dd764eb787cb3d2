"""The assignment: all that a processor is told.

A processor holds no credentials. It gets the recipe and signed, expiring URLs that reach its own
files only. How the document comes (in the environment of a cold Job's container, over the wire to
a warm one) is not part of it.
"""

from typing import Annotated, Final

from pydantic import Field

from darkroom_core.recipe import MAX_FILES, MAX_OUTPUTS, Output
from darkroom_core.schema import Document
from darkroom_core.vocabulary import Format, TaskType

MAX_BYTES: Final = 120_000
"""Longest assignment in bytes: Linux ends one environment string at 131,072 (MAX_ARG_STRLEN)."""


class SignedRequest(Document):
    """A request that whoever holds it may make, until it expires."""

    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    """Headers that the signature covers: they must be sent as they are."""


class AssignedSource(Document):
    """Where the bytes of one file come from."""

    request: SignedRequest
    name: str = ""
    """Its caption; of an overlay, the key or URL that the recipe names it by."""
    guarded: bool = False
    """Whether the URL is a user's own, so that only public addresses may be reached by it."""
    allowed_networks: list[str] = Field(default_factory=list)
    """Networks (CIDR) that a guarded source may reach although they are not public."""


class AssignedFile(Document):
    """One file of an output, and where its bytes go (PUT)."""

    name: str
    format: Format
    request: SignedRequest


class AssignedOutput(Document):
    """One output, and the files that it makes, in the order of `recipe.files_of`."""

    output: Output
    files: Annotated[list[AssignedFile], Field(min_length=1, max_length=MAX_FILES)]


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
    type: TaskType = TaskType.IMAGE
    sources: list[AssignedSource] = Field(default_factory=list)
    """The source, or the sources of a report."""
    overlays: list[AssignedSource] = Field(default_factory=list)
    """The other pictures that the outputs' operations name."""
    outputs: Annotated[list[AssignedOutput], Field(max_length=MAX_OUTPUTS)] = Field(
        default_factory=list
    )
    facts: SignedRequest | None = None
    """Where the facts of sources and outputs are put (JSON)."""
    cleanup: SignedRequest | None = None
    """What is posted, again and again until nothing is left, by a task of type Cleanup."""
    progress: SignedRequest | None = None
    """Where progress is posted (JSON `{"percent": 0-100}`); best effort."""
    limits: Limits = Limits()
