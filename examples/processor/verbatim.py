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
import traceback
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

DONE, REJECTED, INTERNAL, TRY_AGAIN, TERMINATED = 0, 65, 70, 75, 143
LONGEST_REPORT = 4096
PNG = b"\x89PNG\r\n\x1a\n"
ASSIGNMENT_FIELDS = {
    "task",
    "type",
    "sources",
    "overlays",
    "outputs",
    "facts",
    "progress",
    "limits",
}
# What an output may ask for and still get the file as it came.
HARMLESS = {
    "name",
    "format",
    "metadata",
    "colorProfile",
    "background",
    "animation",
    "speed",
    "autoOrient",
}
MOST_REDIRECTS = 5


class FailedError(Exception):
    """The task cannot be done; `exit_code` says whether another try may help."""

    def __init__(self, code: str, message: str, exit_code: int = REJECTED) -> None:
        super().__init__(message)
        self.code, self.exit_code = code, exit_code


def main() -> int:
    """Do the one task that the environment names; return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))
    signal.signal(signal.SIGALRM, out_of_time)
    try:
        report(*process(assignment()))
    except FailedError as failure:
        return failed(failure.code, str(failure), failure.exit_code)
    except (OSError, http.client.HTTPException) as error:
        return failed("unreachable", f"Something outside was away: {error}.", TRY_AGAIN)
    except Exception:  # noqa: BLE001  # a defect is told too
        traceback.print_exc()
        return failed("internal", "The processor failed; its log says where.", INTERNAL)
    return DONE


def failed(code: str, message: str, exit_code: int) -> int:
    """Report an error; return the exit code."""
    retryable = exit_code != REJECTED
    report(error={"code": code, "message": message[:1024], "retryable": retryable})
    return exit_code


def out_of_time(*_: object) -> None:
    """End a try that takes longer than it may."""
    raise FailedError("out_of_time", "The try took longer than limits.seconds.", TRY_AGAIN)


def assignment() -> dict[str, Any]:
    """Read what is to be done; a field that is not known is refused, as half a recipe is none."""
    try:
        read: dict[str, Any] = json.loads(os.environ["DARKROOM_ASSIGNMENT"])
        unknown = read.keys() - ASSIGNMENT_FIELDS
        signal.alarm(read["limits"]["seconds"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FailedError("invalid_assignment", f"No assignment: {error!r}.") from error
    if unknown:
        raise FailedError("invalid_assignment", f"Not known here: {', '.join(sorted(unknown))}.")
    return read


def process(assignment: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Fetch the source, make the outputs and store them; return what the report lists."""
    if assignment["type"] not in {"Image", "Inspect"}:
        raise FailedError("unsupported", f"This processor does nothing of {assignment['type']}.")
    for output in assignment["outputs"]:
        if output["output"]["format"] != "png" or asks_for_more(output["output"]):
            raise FailedError("unsupported", "This processor gives a PNG back as it came, no more.")
    (source,) = assignment["sources"]
    picture = fetch(source, assignment["limits"]["sourceBytes"])
    width, height = size_of(picture)
    digest = hashlib.sha256(picture).hexdigest()
    facts = {"format": "png", "width": width, "height": height}
    facts |= {"bytes": len(picture), "sha256": digest}
    made = []
    for output in assignment["outputs"]:
        # One output may be several files; as this processor makes them, it is one.
        (file,) = output["files"]
        store(file["request"], picture)
        made.append({"name": file["name"], **facts})
    if assignment.get("facts"):
        document = {"sources": [{"name": "source", **facts}], "outputs": made}
        store(assignment["facts"], json.dumps(document).encode())
    return made, facts


def asks_for_more(output: dict[str, Any]) -> bool:
    """Whether the file cannot stay as it is: something is set that is not off."""
    return any(output[name] for name in output.keys() - HARMLESS) or output.get("speed", 1) != 1


def size_of(picture: bytes) -> tuple[int, int]:
    """Return width and height; look at each part's checksum on the way."""
    if not picture.startswith(PNG):
        raise FailedError("unsupported_format", "The source is not a PNG.")
    place, kind, size = len(PNG), b"", (0, 0)
    while kind != b"IEND":
        # The length is the sender's word: nothing is reserved for it before it is known to fit.
        length, kind = struct.unpack(">I4s", part(picture, place, 8))
        content = part(picture, place + 4, 4 + length)
        (checksum,) = struct.unpack(">I", part(picture, place + 8 + length, 4))
        if zlib.crc32(content) != checksum:
            raise FailedError("corrupt_image", "The PNG is damaged: a checksum is wrong.")
        if kind == b"IHDR":
            size = struct.unpack(">II", part(content, 4, 8))
        place += 12 + length
    if not all(size):
        raise FailedError("corrupt_image", "The PNG does not say its size.")
    return size


def part(picture: bytes, place: int, length: int) -> bytes:
    """Return so many bytes of a picture."""
    if place + length > len(picture):
        raise FailedError("corrupt_image", "The PNG is damaged or ends too early.")
    return picture[place : place + length]


def fetch(source: dict[str, Any], longest: int) -> bytes:
    """GET the source; of a user's own URL only public addresses are connected to."""
    guarded = source.get("guarded", False)
    networks = source.get("allowedNetworks", []) if guarded else None
    url, headers = split(source["request"]["url"]), source["request"].get("headers", {})
    for _ in range(MOST_REDIRECTS + 1):
        answer = send("GET", url, headers, networks=networks)
        if answer.status not in {301, 302, 303, 307, 308}:
            break
        target = split(urljoin(url.geturl(), answer.getheader("Location", "")))
        # What was signed for one server is no other's business.
        headers = headers if target.netloc == url.netloc else {}
        url = target
    if answer.status in {404, 410}:
        raise FailedError("source_not_found", f"There is no source (HTTP {answer.status}).")
    if answer.status != 200:  # noqa: PLR2004
        # A signed request may be let in another time, a user's own URL will not be.
        final = guarded and answer.status < 500 and answer.status not in {408, 425, 429}  # noqa: PLR2004
        message = f"The source's server answered HTTP {answer.status}."
        raise FailedError("source_refused", message, REJECTED if final else TRY_AGAIN)
    announced = answer.length
    body = answer.read(longest + 1)
    if len(body) > longest:
        raise FailedError("source_too_large", f"The source has more than {longest} bytes.")
    if announced is not None and len(body) < announced:
        raise FailedError("unreachable", "The source was cut off.", TRY_AGAIN)
    return body


def store(request: dict[str, Any], body: bytes) -> None:
    """PUT an output whole."""
    answer = send("PUT", split(request["url"]), request.get("headers", {}), body)
    answer.read()
    if answer.status // 100 != 2:  # noqa: PLR2004
        raise FailedError("storage_refused", f"Storage answered HTTP {answer.status}.", TRY_AGAIN)


def split(url: str) -> SplitResult:
    """Return a URL in its parts."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise FailedError("source_url_invalid", "The source has no http or https URL.")
    return parts


def send(
    method: str,
    url: SplitResult,
    headers: dict[str, str],
    body: bytes | None = None,
    networks: list[str] | None = None,
) -> http.client.HTTPResponse:
    """Send a request to an address that was checked; `networks` None: any will do."""
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if networks is not None and not all(may_reach(address, networks) for address in found):
        raise FailedError("source_forbidden_address", f"{host} is not at a public address.")
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.sock = socket.create_connection((found[0], port), timeout=30)
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    connection.request(method, target, body, headers)
    return connection.getresponse()


def may_reach(address: str, networks: list[str]) -> bool:
    """Whether a user's URL may lead to this address."""
    ip = ipaddress.ip_address(address)
    return ip.is_global or any(ip in ipaddress.ip_network(network) for network in networks)


def report(
    outputs: list[dict[str, Any]] | None = None,
    source: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> None:
    """Write the termination message; that of many outputs is packed."""
    told = {"source": source, "error": error}
    rest = {"outputs": [], **{name: value for name, value in told.items() if value}}
    outputs = outputs or []
    text = json.dumps({**rest, "outputs": outputs}, separators=(",", ":"))
    if len(text) > LONGEST_REPORT:
        # A number stands for the file's name and format: its place among those of the assignment.
        rows = [[n, o["width"], o["height"], o["bytes"]] for n, o in enumerate(outputs)]
        digests = b"".join(bytes.fromhex(o["sha256"]) for o in outputs)
        packed = zlib.compress(json.dumps([rows, rest], separators=(",", ":")).encode(), 9)
        text = f"z2:{len(rows):02}{base64.b85encode(digests + packed).decode()}"
    Path(os.environ.get("DARKROOM_TERMINATION_LOG", "/dev/termination-log")).write_text(text)


if __name__ == "__main__":
    sys.exit(main())
