"""The interface that both backends have."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from darkroom_core.assignment import SignedRequest
from darkroom_core.storage.errors import InvalidKeyError

if TYPE_CHECKING:
    from darkroom_core.storage.incoming import Incoming

_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_KEY: Final = re.compile(rf"{_PART}(/{_PART})*")
_LONGEST_KEY: Final = 512


@dataclass(frozen=True)
class StoredObject:
    """What is known of an object without reading it."""

    key: str
    size: int
    """In bytes."""


class Storage(Protocol):
    """Bytes under keys. Every method may raise StorageError."""

    def put(self, key: str, body: BinaryIO, *, content_type: str) -> StoredObject:
        """Store all of `body` under `key`, whole or not at all; an older object is replaced."""

    def open(self, key: str, *, start: int = 0) -> BinaryIO:
        """Return the object's bytes, from `start` on, as a stream that the caller closes."""

    def stat(self, key: str) -> StoredObject:
        """Return what is known of the object."""

    def delete(self, key: str) -> None:
        """Delete the object; deleting what is not there is no error."""

    def incoming(self, key: str, *, content_type: str, parked: str | None = None) -> "Incoming":
        """Begin an object that comes bit by bit, or go on with one that was parked."""

    def sweep_incoming(self, *, before: datetime) -> int:
        """Throw away what came last, or began to come, before then and was never finished.

        Whoever was killed while they wrote left it behind; return how many objects that were.
        """

    def move(self, key: str, target: str) -> None:
        """Give the object another key; what is there is replaced."""

    def sign_get(
        self, key: str, *, expires: datetime, disposition: str | None = None
    ) -> SignedRequest:
        """Return a GET of the object that needs no credentials until `expires`.

        A bucket answers it with this Content-Disposition.
        """

    def sign_put(self, key: str, *, content_type: str, expires: datetime) -> SignedRequest:
        """Return a PUT of the object that needs no credentials until `expires`."""


def checked_key(key: str) -> str:
    """Return the key if it is a relative path of plain names, else raise InvalidKeyError."""
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        msg = f"{key!r} is not a storage key: use letters, digits, '.', '-', '_' and '/'"
        raise InvalidKeyError(msg)
    return key
