"""Fetching: limits while streaming, addresses, redirects, and which answers may pass."""

# ruff: noqa: FBT001  # parametrize gives values, not keywords

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from darkroom_core.addresses import is_public
from darkroom_processor import guard, wire
from darkroom_processor.documents import AssignedSource, SignedRequest
from darkroom_processor.errors import Code, ProcessingError, Rejected, TryAgain
from darkroom_processor.fetch import fetch


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_RETRY_AFTER", (0.0, 0.0))


def source(url: str, **settings: Any) -> AssignedSource:
    return AssignedSource(SignedRequest(url, {"X-Signed": "yes"}), **settings)


LOCAL = {"guarded": True, "allowed_networks": ("127.0.0.0/8", "::1/128")}


def failure(where: AssignedSource, path: Path, limit: int = 1000) -> ProcessingError:
    with pytest.raises(ProcessingError) as failed:
        fetch(where, str(path / "source"), limit)
    return failed.value


def test_bytes_are_written_and_counted(web: Any, tmp_path: Path) -> None:
    url = web.serve("/a%20b%C3%A9", b"x" * 1000)
    url = url.replace("%C3%A9", "é") + "?sig=a%2Fb+c"
    assert fetch(source(url), str(tmp_path / "source"), 1000) == 1000
    assert (tmp_path / "source").read_bytes() == b"x" * 1000
    assert web.requests == [("GET", "/a%20b%C3%A9?sig=a%2Fb+c")]


def test_signed_headers_are_sent_but_not_to_another_server(web: Any, tmp_path: Path) -> None:
    port = urlsplit(web.url).port
    web.serve("/here", b"", 302, Location="/again")
    web.serve("/again", b"", 307, Location=f"http://localhost:{port}/there")
    web.serve("/there", b"x")
    fetch(source(web.url + "/here"), str(tmp_path / "source"), 10)
    sent = ["X-Signed" in web.headers[path] for path in ("/here", "/again", "/there")]
    assert sent == [True, True, False]


def test_the_limit_holds_by_the_announced_length(web: Any, tmp_path: Path) -> None:
    url = web.serve("/big", b"x" * 1001)
    assert failure(source(url), tmp_path).code is Code.SOURCE_TOO_LARGE
    assert not (tmp_path / "source").exists()


def test_the_limit_holds_while_streaming_without_a_length(web: Any, tmp_path: Path) -> None:
    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(bytes(65_536))
        except OSError:
            handler.close_connection = True

    web.answers["/endless"] = endless
    error = failure(source(web.url + "/endless"), tmp_path, limit=1_000_000)
    assert error.code is Code.SOURCE_TOO_LARGE
    assert (tmp_path / "source").stat().st_size <= 1_000_000


def test_a_cut_off_answer_is_tried_again_and_may_then_succeed(web: Any, tmp_path: Path) -> None:
    def cut(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"abc" if len(web.requests) < 3 else b"abcdefghij")
        handler.close_connection = True

    web.answers["/cut"] = cut
    assert fetch(source(web.url + "/cut"), str(tmp_path / "source"), 100) == 10
    assert len(web.requests) == 3


@pytest.mark.parametrize(
    ("status", "guarded", "code", "kind", "tries"),
    [
        (404, True, Code.SOURCE_NOT_FOUND, Rejected, 1),
        (410, True, Code.SOURCE_NOT_FOUND, Rejected, 1),
        (404, False, Code.SOURCE_NOT_FOUND, Rejected, 1),
        (401, True, Code.SOURCE_REFUSED, Rejected, 1),
        (403, True, Code.SOURCE_REFUSED, Rejected, 1),
        (403, False, Code.SOURCE_REFUSED, TryAgain, 1),
        (429, True, Code.SOURCE_UNREACHABLE, TryAgain, 3),
        (503, True, Code.SOURCE_UNREACHABLE, TryAgain, 3),
        (500, False, Code.SOURCE_UNREACHABLE, TryAgain, 3),
    ],
)
def test_an_answer_is_final_or_may_pass(
    web: Any, tmp_path: Path, status: int, guarded: bool, code: Code, kind: type, tries: int
) -> None:
    url = web.serve("/no", b"", status)
    error = failure(source(url, **(LOCAL if guarded else {})), tmp_path)
    assert (error.code, type(error), len(web.requests)) == (code, kind, tries)


def test_nobody_listening_may_pass(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    error = failure(source(url), tmp_path)
    assert (error.code, error.retryable) == (Code.SOURCE_UNREACHABLE, True)


@pytest.mark.parametrize(
    "url", ["ftp://example.com/a", "http://", "file:///etc/passwd", "http://u:p@h/", "http://h:x/"]
)
def test_a_url_that_cannot_be_one_is_refused(tmp_path: Path, url: str) -> None:
    assert failure(source(url), tmp_path).code is Code.SOURCE_URL_INVALID


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "10.1.2.3",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[fd00::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
    ],
)
def test_a_guarded_source_reaches_no_inner_address(tmp_path: Path, host: str) -> None:
    start = time.monotonic()
    error = failure(source(f"http://{host}:9/x", guarded=True), tmp_path)
    assert (error.code, error.retryable) == (Code.SOURCE_FORBIDDEN_ADDRESS, False)
    assert time.monotonic() - start < 1


def test_a_host_that_no_resolver_takes_is_not_a_defect(tmp_path: Path) -> None:
    for host in ("a" * 64 + ".example", "ä" * 64 + ".example"):
        error = failure(source(f"http://{host}/x", guarded=True), tmp_path)
        assert error.code is Code.SOURCE_UNREACHABLE


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


def test_one_inner_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "addresses_of", lambda *_: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(Rejected):
        guard.public_addresses_of("both.example", 80)


def test_a_redirect_inside_is_refused(web: Any, tmp_path: Path) -> None:
    web.serve("/out", b"", 302, Location="http://169.254.169.254/latest/meta-data")
    error = failure(source(web.url + "/out", **LOCAL), tmp_path)
    assert error.code is Code.SOURCE_FORBIDDEN_ADDRESS


def test_an_allowed_network_opens_what_is_in_it(web: Any, tmp_path: Path) -> None:
    url = web.serve("/inner", b"abc")
    assert fetch(source(url, **LOCAL), str(tmp_path / "source"), 10) == 3
    other = {"guarded": True, "allowed_networks": ("10.0.0.0/8",)}
    assert failure(source(url, **other), tmp_path).code is Code.SOURCE_FORBIDDEN_ADDRESS


def test_the_address_that_was_checked_is_the_one_connected_to(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    monkeypatch.setattr(guard, "addresses_of", resolve)
    web.serve("/x", b"abc")
    url = f"http://photos.example:{urlsplit(web.url).port}/x"
    assert fetch(source(url, **LOCAL), str(tmp_path / "source"), 10) == 3
    assert asked == ["photos.example"]
    assert web.headers["/x"]["Host"].startswith("photos.example:")


def test_a_proxy_of_the_environment_is_not_used(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(source(web.serve("/x", b"abc")), str(tmp_path / "source"), 10) == 3


def test_redirects_in_a_circle_end(web: Any, tmp_path: Path) -> None:
    web.serve("/round", b"", 302, Location="/round")
    assert failure(source(web.url + "/round"), tmp_path).code is Code.SOURCE_URL_INVALID
    assert len(web.requests) == 6


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server with a certificate of its own for localhost: its URL, and the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, both = tmp_path / "public.pem", tmp_path / "both.pem"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(private + public.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server looks for
            self.send_response(200)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"abc")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that refuse
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"https://localhost:{server.server_port}/x", public
        server.shutdown()


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: tuple[str, Path], tmp_path: Path
) -> None:
    error = failure(source(secure[0], **LOCAL), tmp_path)
    assert (error.code, error.retryable) == (Code.SOURCE_UNTRUSTED, False)
    # A signed URL leads to storage, whose certificate somebody may put right.
    assert failure(source(secure[0]), tmp_path).retryable


def test_a_certificate_must_be_for_the_host_by_its_name(
    secure: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, public = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    assert fetch(source(url, **LOCAL), str(tmp_path / "source"), 10) == 3
    other = url.replace("localhost", "127.0.0.1")
    assert failure(source(other, **LOCAL), tmp_path).code is Code.SOURCE_UNTRUSTED
