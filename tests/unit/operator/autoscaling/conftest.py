"""Inputs are selectors, PEM and the API server's JSON; outputs are documents, or an HTTPS answer.

Real: TLS, on 127.0.0.1, with certificates that the tests make. Faked: the API server, as a
dictionary of objects by path, and Postgres, as rows. The real ones are covered by the end-to-end
test of the autoscaler, the statement by tests/integration.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from darkroom_operator.autoscaling.certificate import Pair
from darkroom_operator.autoscaling.front_proxy import CONFIG_MAP
from darkroom_operator.autoscaling.serving import API_SERVICE_PATH

SECRETS = "/api/v1/namespaces/media/secrets"


@dataclass
class FakeObjects:
    """Objects by path; a create or patch can be overtaken by what `meanwhile` does."""

    objects: dict[str, dict[str, Any]]
    writes: int = 0
    meanwhile: Any = None

    async def get(self, path: str) -> dict[str, Any] | None:
        return self.objects.get(path)

    async def create(self, path: str, manifest: dict[str, Any]) -> bool:
        self._overtake()
        where = f"{path}/{manifest['metadata']['name']}"
        if where in self.objects:
            return False
        manifest["metadata"]["resourceVersion"] = "1"
        self.objects[where] = manifest
        self.writes += 1
        return True

    async def patch(self, path: str, patch: dict[str, Any]) -> bool:
        self._overtake()
        now = self.objects[path]
        version = now["metadata"].get("resourceVersion", "1")
        if patch.get("metadata", {}).get("resourceVersion", version) != version:
            return False
        for part, fields in patch.items():
            now[part] = {**now.get(part, {}), **fields}
        now["metadata"] = {**now["metadata"], "resourceVersion": str(int(version) + 1)}
        self.writes += 1
        return True

    def _overtake(self) -> None:
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile(self)


@dataclass
class Authority:
    """An authority of client certificates."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    pem: str

    def sign(self, common_name: str) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder(named(common_name), self.name, key).sign(self.key, hashes.SHA256())
        return Pair(_pem(certificate), _key_pem(key))


def new_authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = named("front proxies")
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    builder = _builder(name, name, key).add_extension(constraints, critical=True)
    return Authority(name, key, _pem(builder.sign(key, hashes.SHA256())).decode())


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture
def authority() -> Authority:
    return new_authority()


@pytest.fixture
def stranger() -> Authority:
    return new_authority()


@pytest.fixture
def objects(authority: Authority) -> FakeObjects:
    """A cluster whose APIService is ours, before the operator's first start."""
    service = {"namespace": "media", "name": "darkroom-external-metrics"}
    return FakeObjects(
        {
            API_SERVICE_PATH: {"metadata": {}, "spec": {"service": service}},
            CONFIG_MAP: {
                "data": {
                    "requestheader-client-ca-file": authority.pem,
                    "requestheader-allowed-names": '["front-proxy"]',
                }
            },
        }
    )
