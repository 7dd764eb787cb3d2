"""Reads an upload (multipart/form-data) as it comes: parts `file`, and a part `task` of JSON.

The parts may come in any order. The recipe is checked as soon as it is there, so that a bad one
that comes first costs no upload.
"""

import hashlib
import json
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from darkroom_core.source import MAX_SOURCES
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from darkroom_api.errors import BadRequestError, InvalidError, TooLargeError
from darkroom_api.problem import InvalidField
from darkroom_api.spool import Spool
from darkroom_api.tasks.recipes import LONGEST_RECIPE
from darkroom_api.uploads.door import HEAD

_LONGEST_NAME: Final = 255
_LONGEST_CAPTION: Final = 200


@dataclass
class UploadedFile:
    """A file that came, and where in the spool its bytes are."""

    filename: str | None
    content_type: str | None = None
    """As it was declared."""
    start: int = 0
    size: int = 0
    sha256: str = ""
    """Once it is there."""
    key: str = "uploads/new"
    """In storage, once it is known."""
    head: bytearray = field(default_factory=bytearray)


def source_of(file: UploadedFile) -> dict[str, str]:
    """Return the file as a source of a task, with its name as caption."""
    return {"key": file.key, "caption": (file.filename or "")[:_LONGEST_CAPTION]}


@dataclass
class Upload:
    """What was read. The bytes are in the spool."""

    files: list[UploadedFile]
    text: bytes
    """The part `task`."""
    fingerprint: bytes
    """SHA-256 of the parts: the same for the same parts, whatever the boundary between them."""


Check = Callable[[bytes, Sequence[UploadedFile]], object]
"""Looks at the part `task` and the files, and raises to refuse them."""

Look = Callable[[bytes, str | None], object]
"""Looks at a file's head and its declared type, and raises to refuse it."""


@dataclass
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""


class _Reader:
    def __init__(self, spool: Spool, check: Check, look: Look, most: int) -> None:
        self.files: list[UploadedFile] = []
        self.is_complete = False
        self.text: bytes | None = None
        self._spool = spool
        self._check = check
        self._look = look
        self._most = most
        self._part = _Part()
        self._header, self._value = b"", b""
        self._text = bytearray()
        self._hash = hashlib.sha256()

    def on_part_begin(self) -> None:
        self._part = _Part()
        self._hash = hashlib.sha256()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._part.headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def on_headers_finished(self) -> None:
        disposition = self._part.headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        is_too_much = (
            len(self.files) >= self._most if self._part.name == "file" else self.text is not None
        )
        if self._part.name not in {"file", "task"} or is_too_much:
            raise _wrong_part(f"there is a part {self._part.name!r} that was not expected here")
        if self._part.name == "file":
            name = _harmless(options.get(b"filename"))
            type_ = self._part.headers.get(b"content-type", b"").decode("latin-1")
            self.files.append(UploadedFile(name, type_ or None, start=self._spool.size))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == "file":
            self._spool.add(data[start:end])
            self._hash.update(memoryview(data)[start:end])
            self._gather_head(data, start, end)
            return
        self._text += data[start:end]
        if len(self._text) > LONGEST_RECIPE:
            raise TooLargeError(f"the part 'task' may have {LONGEST_RECIPE:,} bytes at most")

    def on_part_end(self) -> None:
        if self._part.name == "task":
            self.text = bytes(self._text)
            # Whatever is wrong with it is told before the files are sent in full.
            self._check(self.text, self.files or [UploadedFile(None)])
        else:
            file = self.files[-1]
            file.size = self._spool.size - file.start
            file.sha256 = self._hash.hexdigest()
            if file.size < HEAD and file.size:
                self._look(bytes(file.head), file.content_type)
            file.head.clear()

    def _gather_head(self, data: bytes, start: int, end: int) -> None:
        file = self.files[-1]
        if self._spool.size - (end - start) - file.start >= HEAD:
            return
        file.head += data[start : min(end, start + HEAD - len(file.head))]
        if len(file.head) == HEAD:
            # What is refused is refused before the rest of it is sent.
            self._look(bytes(file.head), file.content_type)

    def on_end(self) -> None:
        self.is_complete = True


async def read_upload(  # noqa: PLR0913  # what is read, where to, and what is looked at
    stream: AsyncIterable[bytes],
    content_type: str,
    spool: Spool,
    *,
    check: Check,
    look: Look,
    most: int = MAX_SOURCES,
) -> Upload:
    """Read the whole body; `check` may be asked twice, before all files are there and after."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise BadRequestError("the Content-Type multipart/form-data needs a boundary")
    reader = _Reader(spool, check, look, most)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": reader.on_part_begin,
                "on_header_field": reader.on_header_field,
                "on_header_value": reader.on_header_value,
                "on_header_end": reader.on_header_end,
                "on_headers_finished": reader.on_headers_finished,
                "on_part_data": reader.on_part_data,
                "on_part_end": reader.on_part_end,
                "on_end": reader.on_end,
            },
        )
        async for chunk in stream:
            parser.write(chunk)
            await spool.settle()
        parser.finalize()
    except FormParserError as error:
        raise BadRequestError(f"the body is not multipart/form-data: {error}") from None
    if not reader.is_complete:
        raise BadRequestError("the body ends before its last part does")
    if not reader.files or reader.text is None:
        missing = "task" if reader.files else "file"
        raise _wrong_part(f"there is no part {missing!r}")
    if not all(file.size for file in reader.files):
        raise _wrong_part("the part 'file' is empty")
    fingerprint = _fingerprint(reader.text, reader.files)
    check(reader.text, reader.files)
    return Upload(reader.files, reader.text, fingerprint)


def _fingerprint(text: bytes, files: Sequence[UploadedFile]) -> bytes:
    parts = [hashlib.sha256(text).hexdigest(), *((file.filename, file.sha256) for file in files)]
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _wrong_part(what: str) -> InvalidError:
    sentence = f"{what}: send a part 'file' with the file and one part 'task' with the recipe"
    return InvalidError(sentence, errors=[InvalidField(pointer="#", detail=sentence)])


def _harmless(name: bytes | None) -> str | None:
    """Return the last part of the client's file name without anything that cannot be printed."""
    if not name:
        return None
    last = name.decode("utf-8", "replace").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:_LONGEST_NAME] or None
