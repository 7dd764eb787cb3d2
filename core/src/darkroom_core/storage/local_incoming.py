"""Bytes that are appended to a file beside the place where they will be."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from darkroom_core.storage.base import StoredObject
from darkroom_core.storage.errors import StorageError
from darkroom_core.storage.incoming import parked_size


class LocalIncoming:
    """A file that becomes the object by a rename."""

    def __init__(self, key: str, *, unfinished: Path, target: Path, parked: str | None) -> None:
        self._key, self._unfinished, self._target = key, unfinished, target
        self._size = parked_size(parked)
        with self._translated():
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            if self._size and unfinished.stat().st_size < self._size:
                raise StorageError(f"bytes of the object {key} are missing")
            self._file = unfinished.open("r+b" if self._size else "wb")
            # Who died after it had written left more than it said.
            self._file.truncate(self._size)
            self._file.seek(self._size)

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self._size

    def write(self, data: bytes) -> None:
        """Append."""
        with self._translated():
            self._file.write(data)
        self._size += len(data)

    def park(self) -> str:
        """Leave the file as it is."""
        with self._translated():
            self._file.flush()
            os.fsync(self._file.fileno())
        return json.dumps({"size": self._size})

    def close(self) -> None:
        """Close the file."""
        with self._translated():
            self._file.close()

    def finish(self) -> StoredObject:
        """Rename the file, so that a reader never sees half of it."""
        with self._translated():
            self._file.close()
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._unfinished.replace(self._target)
        return StoredObject(self._key, self._size)

    def discard(self) -> None:
        """Remove the file."""
        with self._translated():
            self._file.close()
            self._unfinished.unlink(missing_ok=True)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            msg = f"the object {self._key} cannot be written: {error.strerror}"
            raise StorageError(msg) from error
