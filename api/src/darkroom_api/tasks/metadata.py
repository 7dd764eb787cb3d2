"""The map of strings that clients may write on a task or a batch."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints

MOST_ENTRIES: Final = 50

Key = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$"), Field(examples=["order"])
]
Value = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Metadata = Annotated[dict[Key, Value], Field(max_length=MOST_ENTRIES)]
"""Up to 50 entries; a key has up to 63 letters, digits and `_ . / -`, a value 500 characters."""

Changes = Annotated[dict[Key, Value | None], Field(max_length=2 * MOST_ENTRIES)]
"""Entries to write; null takes one away."""
