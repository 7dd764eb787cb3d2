"""Hands out one stored file: whole, in part, not again, or by way of the bucket."""

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, BinaryIO, Final

import anyio
from anyio.to_thread import run_sync
from darkroom_core.storage import ObjectNotFoundError, Storage
from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from prometheus_client import Counter

from darkroom_api import errors
from darkroom_api.resources import Resources
from darkroom_api.results.byte_range import NotSatisfiableError, wanted_bytes
from darkroom_api.results.conditional import http_date, is_known, is_same
from darkroom_api.results.links import expiry

CACHE: Final = "private, no-cache"
_CHUNK: Final = 256 * 1024
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
# What a browser would run comes from our own address: it must not act as us.
_ACTIVE: Final = {"text/html", "image/svg+xml"}

Download = Annotated[
    bool, Query(description="Whether browsers are told to save it, and not to show it.")
]
Redirect = Annotated[
    bool | None,
    Query(
        description="Whether to be sent to the bucket with 302; if not said, as the API is set "
        "up, or as `Prefer: redirect` or `Prefer: stream` wish. Local storage always streams."
    ),
]


@dataclass(frozen=True)
class Stored:
    """A file in storage, as a client gets it."""

    key: str
    size: int
    media_type: str
    filename: str
    etag: str
    modified: datetime | None


async def delivered(
    request: Request,
    resources: Resources,
    file: Stored,
    *,
    download: bool = False,
    redirect: bool | None = None,
) -> Response:
    """Return the answer to a GET or HEAD of the file; raise OutputGoneError where it is not."""
    headers = headers_of(file.etag, file.modified, file.filename, download=download)
    if file.media_type in _ACTIVE:
        headers["Content-Security-Policy"] = "sandbox; default-src 'none'; img-src data:"
    headers["Accept-Ranges"] = "bytes"
    if is_known(request.headers, etag=file.etag, modified=file.modified):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    await _refuse_if_gone(resources.storage, file)
    if _wants_redirect(request, resources, redirect):
        return _elsewhere(resources, file, headers["Content-Disposition"])
    part = _part(request, file)
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    wanted = range(file.size) if part is None else part
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    headers["Content-Length"] = str(len(wanted))
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=file.media_type)
    try:
        body = await run_sync(lambda: resources.storage.open(file.key, start=wanted.start))
    except ObjectNotFoundError:
        raise _gone(file) from None
    return StreamingResponse(
        _bytes(body, len(wanted), resources.metrics.http.served_bytes),
        status,
        headers,
        media_type=file.media_type,
    )


def headers_of(
    etag: str, modified: datetime | None, filename: str, *, download: bool
) -> dict[str, str]:
    """Return what is said of every file. Copies are kept, and asked about each time."""
    kind = "attachment" if download else "inline"
    headers = {
        "ETag": etag,
        "Cache-Control": CACHE,
        "Content-Disposition": f'{kind}; filename="{_UNSAFE.sub("_", filename)}"',
        "X-Content-Type-Options": "nosniff",
    }
    if modified:
        headers["Last-Modified"] = http_date(modified)
    return headers


async def _refuse_if_gone(storage: Storage, file: Stored) -> None:
    try:
        if (await run_sync(storage.stat, file.key)).size == file.size:
            return
    except ObjectNotFoundError:
        pass
    raise _gone(file)


def _gone(file: Stored) -> errors.OutputGoneError:
    return errors.OutputGoneError(f"what was made as {file.filename} is not in storage any more")


def _wants_redirect(request: Request, resources: Resources, wish: bool | None) -> bool:  # noqa: FBT001
    if resources.settings.storage.backend != "s3":
        return False
    if wish is not None:
        return wish
    wishes = {wish.strip().lower() for wish in request.headers.get("prefer", "").split(",")}
    if "redirect" in wishes or "stream" in wishes:
        return "redirect" in wishes
    return resources.settings.results.redirect


def _elsewhere(resources: Resources, file: Stored, disposition: str) -> Response:
    seconds = resources.settings.results.redirect_seconds
    url = resources.storage.sign_get(file.key, expires=expiry(seconds), disposition=disposition).url
    # The URL is as good as the file, and soon is not any more.
    headers = {"Location": url, "Cache-Control": "no-store", "ETag": file.etag}
    return Response(status_code=HTTPStatus.FOUND, headers=headers)


def _part(request: Request, file: Stored) -> range | None:
    if request.method != "GET" or not is_same(
        request.headers.get("if-range"), etag=file.etag, modified=file.modified
    ):
        return None
    try:
        return wanted_bytes(request.headers.get("range"), file.size)
    except NotSatisfiableError:
        raise errors.RangeError(
            f"the file has {file.size} bytes, and none of those that Range asks for",
            headers={"Content-Range": f"bytes */{file.size}", "Accept-Ranges": "bytes"},
        ) from None


async def _bytes(body: BinaryIO, left: int, served: Counter) -> AsyncIterator[bytes]:
    try:
        while left and (part := await run_sync(body.read, min(_CHUNK, left))):
            left -= len(part)
            served.inc(len(part))
            yield part
    finally:
        # A client that leaves cancels this; the file is closed all the same.
        with anyio.CancelScope(shield=True), suppress(OSError):
            await run_sync(body.close)
