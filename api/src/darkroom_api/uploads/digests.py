"""What clients say of their bytes: Content-Digest and Repr-Digest of RFC 9530, and tus's own."""

import base64
import binascii
import re
from typing import Final

from darkroom_api.errors import BadRequestError

_SHA256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]+={0,2}):\s*(?=,|$)")
_LENGTH: Final = 32


def sha256_in(header: str | None) -> str | None:
    """Return the SHA-256 in a digest field, in hexadecimal; other algorithms are passed over."""
    if header is None:
        return None
    found = _SHA256.search(header)
    return _hex(found[1]) if found else None


def _hex(text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != _LENGTH:
        raise BadRequestError("a digest is written as sha-256=:<32 bytes in base64>:")
    return digest.hex()


def checksum_in(header: str | None) -> tuple[str, bytes] | None:
    """Return algorithm and digest in tus's header Upload-Checksum."""
    if header is None:
        return None
    algorithm, _, text = header.partition(" ")
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm not in CHECKSUMS or not digest:
        known = ", ".join(CHECKSUMS)
        raise BadRequestError(f"Upload-Checksum is an algorithm ({known}) and a digest in base64")
    return algorithm, digest


CHECKSUMS: Final = ("sha1", "sha256")
