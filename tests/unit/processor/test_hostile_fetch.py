"""Fetching from servers that mean harm: whom they say they are, and where they lead."""

import datetime as dt
import ipaddress
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from darkroom_processor import guard, wire
from darkroom_processor.documents import AssignedSource, SignedRequest
from darkroom_processor.errors import Code, ProcessingError, Rejected
from darkroom_processor.fetch import fetch

HOST = "photos.example"
PICTURE = b"a picture's bytes"
# What no resolver knows is found at the one address that is allowed.
PROGRAM = """
import sys
from darkroom_processor import guard
from darkroom_processor.documents import AssignedSource, SignedRequest
from darkroom_processor.errors import ProcessingError
from darkroom_processor.fetch import fetch

asked = []
guard.addresses_of = lambda host, port: asked.append(host) or ["127.0.0.1"]
url, path = sys.argv[1:]
source = AssignedSource(SignedRequest(url), guarded=True, allowed_networks=("127.0.0.0/8",))
try:
    print(fetch(source, path, 1000), *asked)
except ProcessingError as error:
    print(error.code, error.retryable)
"""


class Secure(NamedTuple):
    """A server with TLS on 127.0.0.1, and the file of the authority that vouches for it."""

    port: int
    authority: Path
    asked: list[tuple[str, str]]
    """Names by TLS and by HTTP."""


def _certificate(name: str, issuer: Any = None, key: Any = None) -> tuple[x509.Certificate, Any]:
    own = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    is_authority = issuer is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if is_authority else issuer.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    if not is_authority:
        named = x509.SubjectAlternativeName(
            [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
        )
        vouched = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(named, critical=False)
        builder = builder.add_extension(vouched, critical=False)
    return builder.sign(own if is_authority else key, hashes.SHA256()), own


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    """A server that is HOST by its certificate."""
    authority, authority_key = _certificate("an authority")
    certificate, key = _certificate(HOST, authority, authority_key)
    pem = serialization.Encoding.PEM
    trusted, own = tmp_path / "authority.pem", tmp_path / "server.pem"
    trusted.write_bytes(authority.public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    own.write_bytes(certificate.public_bytes(pem) + private)
    asked: list[tuple[str, str]] = []
    names: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((names[-1], self.headers["Host"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(PICTURE)))
            self.end_headers()
            self.wfile.write(PICTURE)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that does not trust it hangs up."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    context.sni_callback = lambda _, name, __: names.append(str(name))
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Secure(server.server_port, trusted, asked)
        server.shutdown()


def fetched(url: str, path: Path, authority: Path | None) -> list[str]:
    """Fetch in a process of its own, which trusts one authority more or less; its words."""
    environment = {"PATH": os.environ["PATH"]}
    if authority:
        environment["SSL_CERT_FILE"] = str(authority)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.split()


def test_https_goes_to_the_address_that_was_checked_in_the_name_of_the_host(
    secure: Secure, tmp_path: Path
) -> None:
    url = f"https://{HOST}:{secure.port}/photo.jpg"

    told = fetched(url, tmp_path / "source", secure.authority)

    assert told == [str(len(PICTURE)), HOST]
    assert (tmp_path / "source").read_bytes() == PICTURE
    assert secure.asked == [(HOST, f"{HOST}:{secure.port}")]


def test_what_is_not_tls_ends_with_a_code(web: Any, tmp_path: Path) -> None:
    web.serve("/", b"plain")

    told = fetched(f"https://{HOST}:{urlsplit(web.url).port}/", tmp_path / "source", None)

    assert told == ["source_unreachable", "True"]


def failure(url: str, path: Path, headers: dict[str, str] | None = None) -> ProcessingError:
    source = AssignedSource(
        SignedRequest(url, headers or {}), guarded=True, allowed_networks=("127.0.0.0/8",)
    )
    with pytest.raises(ProcessingError) as failed:
        fetch(source, str(path / "source"), 1000)
    return failed.value


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
        "http://0/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://10.0.0.1/",
        "//10.0.0.1/",
        "http://[::]:6443/",
        "https://192.168.0.1/",
    ],
)
def test_no_redirect_leads_inside(web: Any, tmp_path: Path, target: str) -> None:
    url = web.serve("/out", b"", 302, Location=target)

    error = failure(url, tmp_path)

    assert (error.code, error.retryable) == (Code.SOURCE_FORBIDDEN_ADDRESS, False)


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://photos.example/a", "gopher://10.0.0.1/", "http://me:pw@host/"],
)
def test_no_redirect_leads_to_another_kind_of_url(web: Any, tmp_path: Path, target: str) -> None:
    url = web.serve("/out", b"", 302, Location=target)

    assert failure(url, tmp_path).code is Code.SOURCE_URL_INVALID


def test_a_name_that_becomes_an_inner_one_between_redirects_is_refused(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host answers from outside first, and then says that it lives inside."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    monkeypatch.setattr(guard, "addresses_of", lambda *_: next(answers))
    web.serve("/out", b"", 302, Location="/in")

    error = failure(f"http://{HOST}:{urlsplit(web.url).port}/out", tmp_path)

    assert error.code is Code.SOURCE_FORBIDDEN_ADDRESS
    assert web.requests == [("GET", "/out")]


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-Amz-Security-Token"])
def test_no_header_of_the_request_reaches_another_host(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(wire, "_RETRY_AFTER", (0.0, 0.0))
    port = urlsplit(web.url).port
    web.serve("/here", b"", 307, Location=f"http://localhost:{port}/there")
    web.serve("/there", b"", 302, Location=f"http://127.0.0.1:{port}/back")
    web.serve("/back", b"", 404)
    source = AssignedSource(SignedRequest(web.url + "/here", {name: "secret"}))

    with pytest.raises(Rejected, match="source_not_found"):
        fetch(source, str(tmp_path / "source"), 10)

    # Nor the first host again, once another one has chosen the way.
    carried = [web.headers[path].get(name) for path in ("/here", "/there", "/back")]
    assert carried == ["secret", None, None]
