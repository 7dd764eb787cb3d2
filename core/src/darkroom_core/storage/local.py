"""Objects as files in a directory, served to processors by the API over signed URLs."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from darkroom_core.assignment import SignedRequest
from darkroom_core.storage.base import StoredObject, checked_key
from darkroom_core.storage.errors import ObjectNotFoundError, StorageError
from darkroom_core.storage.incoming import Incoming
from darkroom_core.storage.local_incoming import LocalIncoming
from darkroom_core.storage.signing import OBJECTS_PATH, signed_url

_INCOMING: Final = ".incoming"
# What the file system says where a bucket says that there is no such key.
_MISSING: Final = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG}


class LocalStorage:
    """A directory. `base_url` is where processors reach the API that serves it."""

    def __init__(self, directory: Path, *, base_url: str, signing_key: bytes) -> None:
        self._directory = directory
        self._base_url = base_url
        self._signing_key = signing_key

    def put(self, key: str, body: BinaryIO, *, content_type: str) -> StoredObject:  # noqa: ARG002  # files have no type
        """Write beside the target and rename, so that a reader never sees half an object."""
        target = self._path(key)
        incoming = self._directory / _INCOMING
        with _translated(key, missing=()):
            incoming.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=incoming, delete=False) as file:
                try:
                    shutil.copyfileobj(body, file, 1024 * 1024)
                    size = file.tell()
                    Path(file.name).replace(target)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        return StoredObject(key, size)

    def open(self, key: str, *, start: int = 0) -> BinaryIO:
        """Open the file."""
        with _translated(key):
            file = self._path(key).open("rb")
            file.seek(start)
            return file

    def stat(self, key: str) -> StoredObject:
        """Look at the file."""
        with _translated(key):
            found = self._path(key).stat()
        if not stat.S_ISREG(found.st_mode):
            raise _missing(key)
        return StoredObject(key, found.st_size)

    def delete(self, key: str) -> None:
        """Remove the file, and the directories that it leaves empty."""
        path = self._path(key)
        with suppress(ObjectNotFoundError), _translated(key):
            path.unlink()
        for directory in path.relative_to(self._directory).parents[:-1]:
            with suppress(OSError):
                os.rmdir(self._directory / directory)  # noqa: PTH106  # only where it is empty

    def incoming(
        self,
        key: str,
        *,
        content_type: str,  # noqa: ARG002  # files have no type
        parked: str | None = None,
    ) -> Incoming:
        """Append to a file beside the objects."""
        unfinished = self._directory / _INCOMING / checked_key(key).replace("/", "~")
        return LocalIncoming(key, unfinished=unfinished, target=self._path(key), parked=parked)

    def sweep_incoming(self, *, before: datetime) -> int:
        """Remove the files to which nothing was added since."""
        removed = 0
        for file in (self._directory / _INCOMING).glob("*"):
            # Who finishes it meanwhile has taken it away.
            with suppress(ObjectNotFoundError), _translated(file.name):
                if file.stat().st_mtime < before.timestamp():
                    file.unlink()
                    removed += 1
        return removed

    def move(self, key: str, target: str) -> None:
        """Rename the file."""
        path = self._path(target)
        with _translated(key):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._path(key).replace(path)

    def sign_get(
        self,
        key: str,
        *,
        expires: datetime,
        disposition: str | None = None,  # noqa: ARG002  # processors, who get it, see no names
    ) -> SignedRequest:
        """Sign a GET that the API serves."""
        return SignedRequest(url=self._signed("GET", key, expires))

    def sign_put(self, key: str, *, content_type: str, expires: datetime) -> SignedRequest:
        """Sign a PUT that the API serves."""
        return SignedRequest(
            url=self._signed("PUT", key, expires), headers={"Content-Type": content_type}
        )

    def _signed(self, method: str, key: str, expires: datetime) -> str:
        return signed_url(
            self._base_url,
            method,
            OBJECTS_PATH + checked_key(key),
            expires=expires,
            key=self._signing_key,
        )

    def _path(self, key: str) -> Path:
        return self._directory / checked_key(key)


@contextmanager
def _translated(key: str, *, missing: Container[int | None] = _MISSING) -> Iterator[None]:
    """Turn what the file system raises into what Storage promises."""
    try:
        yield
    except OSError as error:
        if error.errno in missing:
            raise _missing(key) from None
        msg = f"the object {key} cannot be reached: {error.strerror}"
        raise StorageError(msg) from error


def _missing(key: str) -> ObjectNotFoundError:
    return ObjectNotFoundError(f"there is no object {key}")
