"""A ZIP of many files, and a manifest of what is in it; one file is here at a time."""

import hashlib
import json
import os
import re
import unicodedata
import zipfile
import zlib
from typing import Final

from darkroom_processor.documents import AssignedSource, Assignment
from darkroom_processor.errors import Rejected
from darkroom_processor.tasks import Files

MANIFEST: Final = "manifest.json"
_CHUNK: Final = 1024 * 1024
_SAMPLE: Final = 64 * 1024
_WORTH: Final = 0.9
"""Packed to more of its size than this, a file is rather stored as it is."""
_LONGEST_NAME: Final = 120
_UNSAFE: Final = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]+')
_DEVICES: Final = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def write(path: str, assignment: Assignment, files: Files, folder: str) -> list[dict[str, object]]:
    """Write the ZIP; return what its manifest says of each file."""
    taken = {MANIFEST}
    entries: list[dict[str, object]] = []
    with zipfile.ZipFile(path, "w") as archive:
        for number, source in enumerate(assignment.sources):
            name = unique(safe_name(source.name, number), taken)
            here = f"{folder}/entry"
            _fetch(files, source, here, assignment.limits.source_bytes)
            entries.append(_add(archive, name, here))
            os.remove(here)  # noqa: PTH107  # pathlib is slow to import
            files.progress(100 * (number + 1) // (len(assignment.sources) + 1))
        manifest = json.dumps({"files": entries}, indent=2, ensure_ascii=False)
        archive.writestr(_info(MANIFEST, zipfile.ZIP_DEFLATED), manifest.encode())
    return entries


def safe_name(name: str, number: int) -> str:
    """Return a name for a file that is no path, on no system."""
    plain = unicodedata.normalize("NFC", name)
    plain = _UNSAFE.sub("_", "".join(c for c in plain if c.isprintable()))
    stem, dot, end = plain.strip(" .").rpartition(".")
    plain = f"{stem[: _LONGEST_NAME - len(end)]}{dot}{end}"[:_LONGEST_NAME].strip(" .")
    if _DEVICES.match(plain):
        plain = f"_{plain}"
    return plain or f"file-{number + 1}"


def unique(name: str, taken: set[str]) -> str:
    """Return a name that no other file has, upper and lower case being the same."""
    stem, dot, end = name.rpartition(".")
    if not stem:
        stem, dot, end = name, "", ""
    found, number = name, 1
    while found.casefold() in taken:
        number += 1
        found = f"{stem} ({number}){dot}{end}"
    taken.add(found.casefold())
    return found


def _fetch(files: Files, source: AssignedSource, path: str, limit: int) -> None:
    try:
        files.fetch(source, path, limit)
    except Rejected as error:
        name = source.name or "A source without a caption"
        raise Rejected(error.code, f"{name}: {error.message}") from error


def _add(archive: zipfile.ZipFile, name: str, path: str) -> dict[str, object]:
    digest, count = hashlib.sha256(), 0
    with open(path, "rb") as file:  # noqa: PTH123  # as above
        info = _info(name, _method(file.read(_SAMPLE)))
        file.seek(0)
        with archive.open(info, "w", force_zip64=True) as entry:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                count += len(chunk)
                entry.write(chunk)
    return {"name": name, "bytes": count, "sha256": digest.hexdigest()}


def _method(sample: bytes) -> int:
    is_worth = len(zlib.compress(sample, 1)) < _WORTH * len(sample)
    return zipfile.ZIP_DEFLATED if is_worth else zipfile.ZIP_STORED


def _info(name: str, method: int) -> zipfile.ZipInfo:
    # Without a time the same files make the same ZIP.
    info = zipfile.ZipInfo(name)
    info.compress_type = method
    info.external_attr = 0o644 << 16
    return info
