"""Access tokens: what is taken, and each way in which one may be wrong (RFC 8725)."""

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from darkroom_api.auth.identity import SCOPES_OF, Identity, Role, Scope
from darkroom_api.auth.tokens import Tokens
from darkroom_api.errors import UnauthorizedError

KEY, ANOTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
SESSION = uuid.uuid4()
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


class Keys:
    """One key."""

    def signing(self) -> tuple[str, Ed25519PrivateKey]:
        return "key-1", KEY

    def public(self, kid: str) -> Ed25519PublicKey | None:
        return KEY.public_key() if kid == "key-1" else None


@pytest.fixture
def ended() -> set[object]:
    return set()


@pytest.fixture
def tokens(ended: set[object]) -> Tokens:
    return Tokens(Keys(), ended, seconds=60)  # type: ignore[arg-type]


def someone(role: Role = Role.USER) -> Identity:
    return Identity(uuid.uuid4(), role, SCOPES_OF[role], session_id=SESSION)


def forged(
    key: Any = KEY, algorithm: str = "EdDSA", header: dict[str, Any] | None = None, **claims: Any
) -> str:
    now = datetime.now(UTC)
    good = {
        "iss": "darkroom",
        "aud": "darkroom-api",
        "sub": str(uuid.uuid4()),
        "sid": str(SESSION),
        "role": "admin",
        "iat": now,
        "exp": now + timedelta(minutes=1),
        "jti": "1",
    }
    payload = {name: value for name, value in (good | claims).items() if value is not None}
    headers = {"typ": "at+jwt", "kid": "key-1"} | (header or {})
    return jwt.encode(payload, key, algorithm, headers=headers)


def unsigned() -> str:
    parts = [
        {"alg": "none", "typ": "at+jwt", "kid": "key-1"},
        {"sub": str(uuid.uuid4()), "role": "admin"},
    ]
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join(text.rstrip("=") for text in encoded) + "."


def by_the_public_key() -> str:
    """Return a token that takes the public key, which everybody knows, for a secret."""
    _, body, _ = forged().split(".")
    header = base64.urlsafe_b64encode(
        json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": "key-1"}).encode()
    ).decode()
    signing = f"{header.rstrip('=')}.{body}"
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    raw = signature.sign(signing.encode(), PUBLIC)
    return f"{signing}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def test_who_it_was_made_for_is_who_it_stands_for(tokens: Tokens) -> None:
    identity = someone(Role.OPERATOR)
    read = tokens.read(tokens.made_for(identity))
    assert (read.user_id, read.role, read.session_id) == (identity.user_id, Role.OPERATOR, SESSION)
    assert Scope.ADMIN_READ in read.scopes
    assert Scope.ADMIN_WRITE not in read.scopes
    assert read.expires_at


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        unsigned(),
        by_the_public_key(),
        forged(ANOTHER),
        forged("k" * 32, "HS256"),
        forged(header={"typ": "JWT"}),
        forged(header={"kid": "key-2"}),
        forged(iss="somebody"),
        forged(aud="another-api"),
        forged(sub=None),
        forged(sub="me"),
        forged(sid=None),
        forged(sid="it"),
        forged(jti=None),
        forged(exp=None),
        forged(role="root"),
        forged(role=None),
        forged(exp=datetime.now(UTC) - timedelta(seconds=1)),
        forged(nbf=datetime.now(UTC) + timedelta(minutes=1)),
    ],
)
def test_a_token_that_is_not_right_is_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(UnauthorizedError):
        tokens.read(token)


def test_a_token_that_was_read_before_is_refused_once_it_is_too_old(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.made_for(someone())
    tokens.read(token)
    later = datetime.now(UTC) + timedelta(seconds=61)
    monkeypatch.setattr("darkroom_api.auth.tokens.time.time", later.timestamp)
    with pytest.raises(UnauthorizedError, match="expired"):
        tokens.read(token)


def test_a_token_of_a_session_that_has_ended_is_refused(tokens: Tokens, ended: set[object]) -> None:
    token = tokens.made_for(someone())
    tokens.read(token)
    ended.add(SESSION)
    with pytest.raises(UnauthorizedError, match="signed out"):
        tokens.read(token)
