"""Storage: an object is written, read back, fetched over its signed URL, and deleted."""

import io
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from darkroom_core.storage import (
    ObjectNotFoundError,
    Storage,
    StorageError,
    StorageSettings,
    open_storage,
)

from darkroom_api.doctor.finding import Finding, failed, ok, sentence, skipped, warning

_BODY: Final = b"darkroom-api doctor wrote this, and may be deleted\n"
_SECONDS: Final = 5
ONE_VOLUME: Final = (
    "local storage is one directory: with more than one replica it has to be one volume that all "
    "of them mount (ReadWriteMany); where there is none, use the s3 backend"
)


def check_storage(settings: StorageSettings) -> Iterator[Finding]:
    """Try the place where bytes live, as the API and processors use it."""
    storage = open_storage(settings)
    key = f"doctor/{uuid.uuid4().hex}"
    where = (
        f"bucket {settings.bucket} at {settings.endpoint or 'Amazon S3'}"
        if settings.backend == "s3"
        else f"directory {settings.directory}"
    )
    try:
        storage.put(key, io.BytesIO(_BODY), content_type="text/plain")
    except (StorageError, OSError) as error:
        yield failed("storage write", sentence(error), _fix_of(settings, "write"))
        for name in ("storage read", "storage signed URL", "storage delete"):
            yield skipped(name, "nothing could be written")
        return
    yield ok("storage write", where)
    try:
        yield _read(storage, settings, key)
        yield _fetched(storage, settings, key)
    finally:
        finding = _deleted(storage, settings, key)
    yield finding
    if settings.backend == "local":
        yield ok("storage volume", ONE_VOLUME)


def _read(storage: Storage, settings: StorageSettings, key: str) -> Finding:
    try:
        with storage.open(key) as body:
            found = body.read()
    except (StorageError, OSError) as error:
        return failed("storage read", sentence(error), _fix_of(settings, "read"))
    if found != _BODY:
        return failed(
            "storage read",
            "what was read is not what was written",
            "this store keeps something else than it is sent (checksum trailers, for one): "
            "try another version of it",
        )
    return ok("storage read", f"{len(found)} bytes, the same")


def _fetched(storage: Storage, settings: StorageSettings, key: str) -> Finding:
    """Fetch it as a processor does: with nothing but the URL."""
    check = "storage signed URL"
    signed = storage.sign_get(key, expires=datetime.now(UTC) + timedelta(minutes=1))
    if not signed.url.startswith(("http://", "https://")):
        return failed(check, f"{signed.url} is no URL", "correct DARKROOM_STORAGE__URL")
    request = Request(signed.url, headers=dict(signed.headers))  # noqa: S310  # looked at above
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            body = answer.read()
    except HTTPError as error:
        return failed(
            check,
            f"{signed.url.split('?')[0]} answered {error.code}",
            "give the API and the processors the same signing key (local), or credentials that "
            "may read the bucket and a clock that is right (s3)",
        )
    except (URLError, OSError) as error:
        # The API may not be running yet, where it serves the bytes itself.
        how = failed if settings.backend == "s3" else warning
        return how(
            check,
            f"{signed.url.split('?')[0]}: {sentence(error)}",
            "start the API, or correct DARKROOM_STORAGE__URL: processors reach it there"
            if settings.backend == "local"
            else "let this pod, and the processors, reach the endpoint",
        )
    if body != _BODY:
        return failed(check, "what was fetched is not what was written", "look at what is between")
    return ok(check, "fetched with nothing but the URL")


def _deleted(storage: Storage, settings: StorageSettings, key: str) -> Finding:
    try:
        storage.delete(key)
        storage.stat(key)
    except ObjectNotFoundError:
        return ok("storage delete", "it is gone")
    except (StorageError, OSError) as error:
        return failed("storage delete", sentence(error), _fix_of(settings, "delete"))
    return failed(
        "storage delete",
        "the object is still there",
        "turn off what keeps deleted objects (object lock, legal hold), or use another bucket",
    )


def _fix_of(settings: StorageSettings, verb: str) -> str:
    if settings.backend == "s3":
        return (
            f"let the credentials {verb} objects of the bucket {settings.bucket} "
            "(s3:PutObject, s3:GetObject, s3:DeleteObject), and correct bucket, endpoint, region "
            "and path_style in DARKROOM_STORAGE__*"
        )
    return (
        f"mount a volume at {settings.directory} in which this user may {verb} "
        "(fsGroup 65532 in the chart), with room left"
    )
