"""The contract of storage: the same tests on both backends, with real servers.

S3 is SeaweedFS. Local storage is served by the API, as processors see it.
"""

import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx2
import pytest
import uvicorn
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster
from darkroom_core.assignment import SignedRequest
from darkroom_core.storage import (
    Incoming,
    InvalidKeyError,
    ObjectNotFoundError,
    Storage,
    StorageError,
    StorageSettings,
    open_storage,
    parked_size,
)

TYPE = "image/png"


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(f"{request.param}_storage")
    return found


@pytest.fixture
def s3_storage(s3: Any) -> Storage:
    return open_storage(
        StorageSettings.model_validate(
            {
                "backend": "s3",
                "bucket": s3.bucket,
                "endpoint": s3.endpoint,
                "path_style": True,
                "signing_key": "s" * 32,
            }
        )
    )


@pytest.fixture
def local_storage(database_url: str, tmp_path: Path) -> Iterator[Storage]:
    """A directory, and the API that serves it."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings.model_validate(
            {
                "database_url": database_url,
                "jwt_key": "j" * 32,
                "max_output_bytes": 30_000_000,
                "storage": {"directory": tmp_path, "url": url, "signing_key": "s" * 32},
            }
        )
        app = create_app(settings, open_cluster=FakeCluster().opened)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield open_storage(settings.storage)
        server.should_exit = True
        thread.join()


def put(storage: Storage, key: str, body: bytes) -> None:
    stored = storage.put(key, io.BytesIO(body), content_type=TYPE)
    assert (stored.key, stored.size) == (key, len(body))


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as body:
        return body.read()


def carry_out(request: SignedRequest, method: str, body: bytes | None = None) -> httpx2.Response:
    """As a processor does: with nothing but the request."""
    return httpx2.request(method, request.url, headers=request.headers, content=body, timeout=60)


@pytest.mark.parametrize("size", [0, 1, 20_000_000])
def test_bytes_come_back_unchanged_every_way(storage: Storage, size: int) -> None:
    body = os.urandom(size)
    put(storage, "round/trip.bin", body)
    assert storage.stat("round/trip.bin").size == size
    assert read(storage, "round/trip.bin") == body
    fetched = carry_out(storage.sign_get("round/trip.bin", expires=soon()), "GET")
    assert (fetched.status_code, fetched.content == body) == (200, True)

    signed = storage.sign_put("round/other.bin", content_type=TYPE, expires=soon())
    assert carry_out(signed, "PUT", body).status_code in {200, 201}
    assert storage.stat("round/other.bin").size == size
    assert read(storage, "round/other.bin") == body


def test_a_second_put_replaces_the_object(storage: Storage) -> None:
    put(storage, "replaced", b"first, and longer")
    put(storage, "replaced", b"second")
    assert read(storage, "replaced") == b"second"


def test_what_is_missing_is_not_found(storage: Storage) -> None:
    for ask in (storage.stat, storage.open):
        with pytest.raises(ObjectNotFoundError, match="there is no object missing/key"):
            ask("missing/key")
    assert carry_out(storage.sign_get("missing/key", expires=soon()), "GET").status_code == 404


@pytest.mark.parametrize("key", ["there", "there/object/below", "a" * 300])
def test_what_is_a_directory_or_below_a_file_is_not_found(storage: Storage, key: str) -> None:
    put(storage, "there/object", b"x")
    for ask in (storage.stat, storage.open):
        with pytest.raises(ObjectNotFoundError, match=f"there is no object {key}"):
            ask(key)
    storage.delete(key)
    assert carry_out(storage.sign_get(key, expires=soon()), "GET").status_code == 404
    assert read(storage, "there/object") == b"x"


def test_a_deleted_object_is_gone_and_deleting_again_is_no_error(storage: Storage) -> None:
    put(storage, "deleted/object", b"x")
    storage.delete("deleted/object")
    storage.delete("deleted/object")
    with pytest.raises(ObjectNotFoundError):
        storage.stat("deleted/object")


@pytest.mark.parametrize(
    "key", ["../up", "/root", "a//b", ".hidden", "a/./b", "", "a" * 600, "a\n"]
)
def test_a_key_that_could_leave_its_place_is_refused(storage: Storage, key: str) -> None:
    for ask in (storage.stat, storage.open, storage.delete):
        with pytest.raises(InvalidKeyError):
            ask(key)
    with pytest.raises(InvalidKeyError):
        storage.put(key, io.BytesIO(b"x"), content_type=TYPE)
    with pytest.raises(InvalidKeyError):
        storage.sign_get(key, expires=soon())


def test_a_signature_is_for_one_object_and_one_method(storage: Storage) -> None:
    put(storage, "signed/mine", b"mine")
    put(storage, "signed/yours", b"yours")
    get = storage.sign_get("signed/mine", expires=soon())

    other = SignedRequest(url=get.url.replace("signed/mine", "signed/yours"))
    assert carry_out(other, "GET").status_code == 403
    assert carry_out(get, "PUT", b"x").status_code == 403
    assert carry_out(SignedRequest(url=get.url.split("?")[0]), "GET").status_code == 403
    assert read(storage, "signed/mine") == b"mine"


def test_a_signature_expires(storage: Storage) -> None:
    put(storage, "signed/briefly", b"x")
    request = storage.sign_get("signed/briefly", expires=datetime.now(UTC) + timedelta(seconds=1.5))
    deadline = time.monotonic() + 10
    while carry_out(request, "GET").status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert carry_out(request, "GET").status_code == 403


def test_a_stream_that_breaks_leaves_nothing(storage: Storage) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: object) -> int:
            raise OSError("the source broke off")

    with pytest.raises((StorageError, OSError)):
        storage.put("broken/object", io.BufferedReader(Broken()), content_type=TYPE)
    with pytest.raises(ObjectNotFoundError):
        storage.stat("broken/object")


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024, 19_000_001])
def test_bytes_that_come_bit_by_bit_are_one_object_in_the_end(storage: Storage, size: int) -> None:
    key, body = f"coming/object-{size}", os.urandom(size)
    first = storage.incoming(key, content_type=TYPE)
    first.write(body[: size // 3])
    parked = first.park()
    first.close()
    assert parked_size(parked) == size // 3
    with pytest.raises(ObjectNotFoundError):
        storage.stat(key)

    second = storage.incoming(key, content_type=TYPE, parked=parked)
    second.write(body[size // 3 : size // 2])
    # What comes after the last time that it was parked is sent again by the client.
    parked = second.park()
    second.write(b"lost with its replica")
    second.close()
    third = storage.incoming(key, content_type=TYPE, parked=parked)
    third.write(body[size // 2 :])
    assert third.size == size
    assert third.finish().size == size
    assert read(storage, key) == body
    with pytest.raises(ObjectNotFoundError):
        storage.stat(f"{key}.tail")


@pytest.mark.parametrize("size", [3, 9_000_000])
def test_what_is_discarded_leaves_nothing_behind(
    storage: Storage, size: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    begun = storage.incoming("coming/discarded", content_type=TYPE)
    begun.write(bytes(size))
    parked = begun.park()
    begun.close()
    storage.incoming("coming/discarded", content_type=TYPE, parked=parked).discard()

    for key in ("coming/discarded", "coming/discarded.tail"):
        with pytest.raises(ObjectNotFoundError):
            storage.stat(key)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    if "s3" in request.node.callspec.params.values():
        s3 = request.getfixturevalue("s3")
        client = boto3.client("s3", endpoint_url=s3.endpoint, region_name="us-east-1")
        uploads = client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads", [])
        assert "coming/discarded" not in [upload["Key"] for upload in uploads]


def test_what_was_never_finished_is_swept_by_its_age(storage: Storage) -> None:
    def begun(parked: str | None = None) -> Incoming:
        return storage.incoming("uploads/never-finished", content_type=TYPE, parked=parked)

    first = begun()
    first.write(bytes(9_000_000))
    parked = first.park()
    first.close()
    an_hour = timedelta(hours=1)
    assert storage.sweep_incoming(before=datetime.now(UTC) - an_hour) == 0
    begun(parked).close()

    assert storage.sweep_incoming(before=datetime.now(UTC) + an_hour) >= 1
    assert storage.sweep_incoming(before=datetime.now(UTC) + an_hour) == 0
    with pytest.raises(StorageError):
        begun(parked).finish()


def test_a_moved_object_has_its_new_key_alone(storage: Storage) -> None:
    put(storage, "moved/from", b"x" * 1000)
    storage.move("moved/from", "moved/to/there")
    assert read(storage, "moved/to/there") == b"x" * 1000
    with pytest.raises(ObjectNotFoundError):
        storage.stat("moved/from")
    with pytest.raises(ObjectNotFoundError):
        storage.move("moved/from", "moved/to/there")


def test_local_storage_leaves_no_unfinished_files(local_storage: Storage, tmp_path: Path) -> None:
    signed = local_storage.sign_put("long/object", content_type=TYPE, expires=soon())

    assert carry_out(signed, "PUT", bytes(31_000_000)).status_code == 413
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_s3_server_that_is_not_there_is_a_storage_error(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    away = open_storage(
        StorageSettings.model_validate(
            {
                "backend": "s3",
                "bucket": s3.bucket,
                "endpoint": "http://127.0.0.1:9",
                "signing_key": "s" * 32,
            }
        )
    )
    with pytest.raises(StorageError, match="S3 did not answer for some/key"):
        away.stat("some/key")


def test_no_checksums_are_sent_that_other_stores_would_keep(s3_storage: Storage) -> None:
    url = s3_storage.sign_put("signed/plain", content_type=TYPE, expires=soon()).url
    assert "checksum" not in url.lower()
