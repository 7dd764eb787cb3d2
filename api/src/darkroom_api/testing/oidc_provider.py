"""A small OpenID provider on 127.0.0.1: real keys, real tokens, and a login page that says yes."""

import base64
import hashlib
import json
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT: Final = "darkroom"
SECRET: Final = "the client's secret"  # noqa: S105  # of a provider that lives for one test
AUDIENCE: Final = "https://media.example.com"

_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class OidcProvider(ThreadingHTTPServer):
    """Signs by its newest key; who logs in is whoever `person` says."""

    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.keys: dict[str, _Key] = {}
        self.person: dict[str, Any] = {
            "sub": "ada-1",
            "email": "ada@example.com",
            "email_verified": True,
        }
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.is_away = False
        self.id_token_changes: dict[str, Any] = {}
        self.new_key()

    def new_key(self, kind: str = "RSA") -> str:
        """Make a key, which signs from now on; return its name."""
        kid = uuid.uuid4().hex
        self.keys[kid] = (
            rsa.generate_private_key(65537, 2048)
            if kind == "RSA"
            else ec.generate_private_key(ec.SECP256R1())
        )
        return kid

    def token(
        self,
        *,
        kid: str | None = None,
        header: dict[str, Any] | None = None,
        algorithm: str | None = None,
        key: Any = None,  # noqa: ANN401  # whatever a forger has
        **claims: Any,  # noqa: ANN401  # JSON
    ) -> str:
        """Return an access token with these claims instead of the usual; None leaves one out."""
        kid = kid or list(self.keys)[-1]
        key = key or self.keys[kid]
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            **self.person,
            **claims,
        }
        usual = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        headers = {"kid": kid, "typ": "at+jwt", **(header or {})}
        return jwt.encode(_known(said), key, algorithm or usual, headers=_known(headers))

    @contextmanager
    def running(self) -> Iterator["OidcProvider"]:
        """Serve in a thread."""
        with self:
            thread = threading.Thread(target=self.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                self.shutdown()
                thread.join()

    def jwks(self) -> dict[str, Any]:
        """Return the public keys."""
        return {"keys": [_public(kid, key) for kid, key in self.keys.items()]}

    def allow(self, query: dict[str, str]) -> str:
        """Return where the browser goes from the login page: back, with a code."""
        code = secrets.token_urlsafe()
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Exchange a code for an ID token, once, for who has the verifier and the secret."""
        begun = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        client = f"{CLIENT}:{SECRET.replace(' ', '%20').replace(chr(39), '%27')}"
        if authorization != "Basic " + base64.b64encode(client.encode()).decode():
            return 401, {"error": "invalid_client"}
        if (
            begun is None
            or begun["redirect_uri"] != form.get("redirect_uri")
            or begun["code_challenge"] != base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        ):
            return 400, {"error": "invalid_grant"}
        claims = {"aud": CLIENT, "nonce": begun["nonce"], **self.id_token_changes}
        id_token = self.token(header={"typ": "JWT"}, **claims)
        return 200, {"token_type": "Bearer", "access_token": self.token(), "id_token": id_token}


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _public(kid: str, key: _Key) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        document = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {**document, "kid": kid, "use": "sig", "alg": "RS256"}
    document = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**document, "kid": kid, "use": "sig", "alg": "ES256"}


class _Handler(BaseHTTPRequestHandler):
    server: OidcProvider
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:  # the name that the base looks for
        provider, url = self.server, urlsplit(self.path)
        provider.asked.append(url.path)
        if provider.is_away:
            self._send(503, {})
        elif url.path == "/.well-known/openid-configuration":
            self._send(
                200,
                {
                    "issuer": provider.issuer,
                    "authorization_endpoint": f"{provider.issuer}/authorize",
                    "token_endpoint": f"{provider.issuer}/token",
                    "jwks_uri": f"{provider.issuer}/jwks",
                },
            )
        elif url.path == "/jwks":
            self._send(200, provider.jwks())
        elif url.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            self._send(302, {}, location=provider.allow(query))
        else:
            self._send(404, {})

    def do_POST(self) -> None:  # the name that the base looks for
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.server.asked.append(self.path)
        self._send(*self.server.exchange(form, self.headers.get("Authorization", "")))

    def _send(self, status: int, document: dict[str, Any], location: str | None = None) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
