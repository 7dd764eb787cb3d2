"""The pure parts of downloads."""

import io
import zipfile
from datetime import UTC, datetime

import pytest
from darkroom_api.results.archive import Entry, size_of, zipped
from darkroom_api.results.byte_range import NotSatisfiableError, wanted_bytes
from darkroom_api.results.conditional import is_known, is_same
from darkroom_core.storage import StorageError

MODIFIED = datetime(2026, 11, 23, 4, 5, 6, 789, UTC)
DATE = "Mon, 23 Nov 2026 04:05:06 GMT"
EARLIER = "Mon, 23 Nov 2026 04:05:05 GMT"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-3", range(4)),
        ("bytes=5-", range(5, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=9-999999999999999999", range(9, 10)),
        ("BYTES=0-0", range(1)),
        (None, None),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=4-3", None),
        ("bytes=0-1,3-4", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("lines=0-1", None),
        ("bytes=٣-", None),
    ],
)
def test_one_range_is_read_and_all_else_means_the_whole(
    header: str | None, wanted: range | None
) -> None:
    assert wanted_bytes(header, 10) == wanted


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0)])
def test_bytes_that_do_not_exist_cannot_be_had(header: str, size: int) -> None:
    with pytest.raises(NotSatisfiableError):
        wanted_bytes(header, size)


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"if-none-match": '"a"'}, True),
        ({"if-none-match": 'W/"x", W/"a"'}, True),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": '"b"'}, False),
        ({"if-none-match": '"b"', "if-modified-since": DATE}, False),
        ({"if-modified-since": DATE}, True),
        ({"if-modified-since": EARLIER}, False),
        ({"if-modified-since": "yesterday"}, False),
        ({"if-modified-since": "Mon, 99 Foo 2026 99:99:99 GMT"}, False),
        ({}, False),
    ],
)
def test_what_the_client_has_is_known_by_its_tag_or_else_its_date(
    headers: dict[str, str], *, known: bool
) -> None:
    assert is_known(headers, etag='"a"', modified=MODIFIED) is known


@pytest.mark.parametrize(
    ("header", "same"),
    [(None, True), ('"a"', True), ('W/"a"', False), ('"b"', False), (DATE, True), (EARLIER, False)],
)
def test_a_part_is_sent_only_of_the_file_that_the_client_has(
    header: str | None, *, same: bool
) -> None:
    assert is_same(header, etag='"a"', modified=MODIFIED) is same


def _entries(*sizes: int) -> list[Entry]:
    return [Entry(f"{n}.webp", str(n), size, MODIFIED) for n, size in enumerate(sizes)]


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 300_000])
def test_a_zip_has_the_length_that_was_announced_and_all_bytes(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    entries = _entries(0, 1, 290_000, 600_000, 7)
    bodies = {entry.key: bytes([65 + n]) * entry.size for n, entry in enumerate(entries)}
    made = b"".join(zipped(entries, lambda key: io.BytesIO(bodies[key])))
    assert len(made) == size_of(entries)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert [(i.filename, i.file_size, i.compress_type) for i in archive.infolist()] == [
            (entry.name, entry.size, zipfile.ZIP_STORED) for entry in entries
        ]
        assert all(archive.read(entry.name) == bodies[entry.key] for entry in entries)


def test_a_zip_is_made_a_part_at_a_time() -> None:
    entries = _entries(3_000_000)
    parts = list(zipped(entries, lambda _: io.BytesIO(b"x" * 3_000_000)))
    assert max(map(len, parts)) < 300_000


def test_a_file_that_became_shorter_ends_the_zip_with_an_error() -> None:
    with pytest.raises(StorageError):
        list(zipped(_entries(10), lambda _: io.BytesIO(b"short")))
