"""A ZIP that is made while it is sent: no temporary file, one part in memory at a time.

Its files are stored as they are: pictures and videos get no smaller. So its size is known before.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from darkroom_core.storage import StorageError

_CHUNK: Final = 256 * 1024
_LOCAL, _CENTRAL, _END = 30, 46, 22
_DESCRIPTOR, _LONG_DESCRIPTOR, _LONG_LOCAL, _LONG_END = 16, 24, 20, 76
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = 0o644 << 16


@dataclass(frozen=True)
class Entry:
    """One file of it."""

    name: str
    key: str
    size: int
    modified: datetime | None


class _Sink:
    """What zipfile writes to, until somebody takes it away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def zipped(entries: Sequence[Entry], open_: Callable[[str], BinaryIO]) -> Iterator[bytes]:
    """Yield the ZIP's bytes; raise StorageError where a file is not as long as it was."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # it only has to write
        for entry in entries:
            with open_(entry.key) as body, archive.open(_described(entry), "w") as target:
                left = entry.size
                while part := body.read(min(_CHUNK, left)):
                    left -= len(part)
                    target.write(part)
                    yield sink.taken()
            if left:
                msg = f"{entry.key} ends {left} bytes too early"
                raise StorageError(msg)
    yield sink.taken()


def size_of(entries: Sequence[Entry]) -> int:
    """Return the length of the ZIP that `zipped` makes of these files."""
    offset = central = 0
    for entry in entries:
        name = len(entry.name.encode())
        announced = entry.size * 1.05 > zipfile.ZIP64_LIMIT
        more = 16 * (entry.size > zipfile.ZIP64_LIMIT) + 8 * (offset > zipfile.ZIP64_LIMIT)
        central += _CENTRAL + name + more + (4 if more else 0)
        offset += _LOCAL + name + entry.size
        offset += _LONG_LOCAL + _LONG_DESCRIPTOR if announced else _DESCRIPTOR
    is_long = (
        len(entries) > zipfile.ZIP_FILECOUNT_LIMIT
        or offset > zipfile.ZIP64_LIMIT
        or central > zipfile.ZIP64_LIMIT
    )
    return offset + central + _END + (_LONG_END if is_long else 0)


def _described(entry: Entry) -> zipfile.ZipInfo:
    moment = entry.modified
    info = zipfile.ZipInfo(entry.name, moment.timetuple()[:6] if moment else _EPOCH)
    # From this zipfile sees which headers it needs.
    info.file_size = entry.size
    info.external_attr = _READABLE
    return info
