"""A complete processor in the standard library alone: it hands a PNG back as it came.

It is an example of the contract (docs/reference/processor.md), and of use where pictures are only
to be checked, stored and delivered. Everything but the middle of `process` can stay as it is in a
processor of your own.
"""

import base64
import hashlib
import http.client
import ipaddress
import json
import os
import signal
import socket
import ssl
import struct
import sys
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DONE, REJECTED, INTERNAL, TRY_AGAIN, TERMINATED = 0, 65, 70, 75, 143
LONGEST_REPORT = 4096
PNG = b"\x89PNG\r\n\x1a\n"
SERVER_ERROR = 500


class FailedError(Exception):
    """The task cannot be done; `exit_code` says whether another try may help."""

    def __init__(self, code: str, message: str, exit_code: int = REJECTED) -> None:
        super().__init__(message)
        self.code, self.exit_code = code, exit_code


def main() -> int:
    """Do the one task that the environment names; return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))
    try:
        outputs = process(json.loads(os.environ["DARKROOM_ASSIGNMENT"]))
    except FailedError as failure:
        retryable = failure.exit_code == TRY_AGAIN
        report(error={"code": failure.code, "message": str(failure), "retryable": retryable})
        return failure.exit_code
    except OSError as error:
        message = f"Something outside was away: {error}."
        report(error={"code": "unreachable", "message": message, "retryable": True})
        return TRY_AGAIN
    report(outputs=outputs)
    return DONE


def process(assignment: dict[str, Any]) -> list[dict[str, Any]]:
    """Fetch the source, make the outputs and store them; return what the report lists."""
    for output in assignment["outputs"]:
        if output["output"]["format"] != "png" or output["output"].get("operations"):
            raise FailedError("unsupported", "This processor gives a PNG back as it came, no more.")
    picture = fetch(assignment["source"], assignment["limits"]["sourceBytes"])
    width, height = size_of(picture)
    facts = {"width": width, "height": height, "bytes": len(picture)}
    digest = hashlib.sha256(picture).hexdigest()
    for output in assignment["outputs"]:
        store(output["request"], picture)
    return [
        {"name": output["output"]["name"], "format": "png", **facts, "sha256": digest}
        for output in assignment["outputs"]
    ]


def size_of(picture: bytes) -> tuple[int, int]:
    """Return width and height; look at each part's checksum on the way."""
    if not picture.startswith(PNG):
        raise FailedError("unsupported_format", "The source is not a PNG.")
    place, kind = len(PNG), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", picture.ljust(place + 8, b"\0"), place)
        end = place + 8 + length
        (checksum,) = struct.unpack_from(">I", picture.ljust(end + 4, b"\0"), end)
        if end + 4 > len(picture) or zlib.crc32(picture[place + 4 : end]) != checksum:
            raise FailedError("corrupt_image", "The PNG is damaged or ends too early.")
        place = end + 4
    width, height = struct.unpack_from(">II", picture, 16)
    return width, height


def fetch(source: dict[str, Any], longest: int) -> bytes:
    """GET the source; of a user's own URL only public addresses are connected to."""
    request = source["request"]
    networks = source.get("allowedNetworks", []) if source.get("guarded") else None
    answer = send("GET", request["url"], request.get("headers", {}), networks=networks)
    body = answer.read(longest + 1)
    if len(body) > longest:
        raise FailedError("source_too_large", f"The source has more than {longest} bytes.")
    return body


def store(request: dict[str, Any], body: bytes) -> None:
    """PUT an output whole."""
    send("PUT", request["url"], request.get("headers", {}), body).read()


def send(
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None = None,
    networks: list[str] | None = None,
) -> http.client.HTTPResponse:
    """Send a request to the address that was checked; follow no redirect."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    if networks is not None and not may_reach(address, networks):
        raise FailedError("source_forbidden_address", f"{host} is not at a public address.")
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.sock = socket.create_connection((address, port), timeout=30)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
    connection.request(method, f"{parts.path or '/'}?{parts.query}", body, headers)
    answer = connection.getresponse()
    if answer.status >= SERVER_ERROR:
        raise FailedError("unreachable", f"The server answered {answer.status}.", TRY_AGAIN)
    if answer.status // 100 != 2:  # noqa: PLR2004
        exit_code = REJECTED if method == "GET" else TRY_AGAIN
        raise FailedError("refused", f"The server answered {answer.status}.", exit_code)
    return answer


def may_reach(address: str, networks: list[str]) -> bool:
    """Whether a user's URL may lead to this address."""
    ip = ipaddress.ip_address(address)
    return ip.is_global or any(ip in ipaddress.ip_network(network) for network in networks)


def report(
    outputs: list[dict[str, Any]] | None = None, error: dict[str, Any] | None = None
) -> None:
    """Write the termination message; that of many outputs is packed."""
    rest = {"outputs": [], **({"error": error} if error else {})}
    text = json.dumps({**rest, "outputs": outputs or []}, separators=(",", ":"))
    if len(text) > LONGEST_REPORT:
        rows = [
            [o["width"], o["height"], o["bytes"], digest_of(o["sha256"])] for o in outputs or []
        ]
        packed = zlib.compress(json.dumps([rows, rest], separators=(",", ":")).encode(), 9)
        text = "z1:" + base64.b85encode(packed).decode()
    Path(os.environ.get("DARKROOM_TERMINATION_LOG", "/dev/termination-log")).write_text(text)


def digest_of(sha256: str) -> str:
    """Return a digest as a packed report has it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode().rstrip("=")


if __name__ == "__main__":
    sys.exit(main())
