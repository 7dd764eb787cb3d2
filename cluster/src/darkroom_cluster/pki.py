"""Makes the cluster's authority, its certificates and the kubeconfigs that carry them."""

import datetime as dt
import ipaddress
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_YEARS = dt.timedelta(days=3650)


class Authority:
    """Signs certificates into one directory."""

    def __init__(self, directory: Path) -> None:
        """Make the authority itself, as ca.crt and ca.key."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("darkroom", ())
        usage = x509.BasicConstraints(ca=True, path_length=None)
        builder = self._builder(self._name, self._key).add_extension(usage, critical=True)
        self._write("ca", builder.sign(self._key, hashes.SHA256()), self._key)

    def sign(self, file: str, user: str, *groups: str, hosts: Sequence[str] = ()) -> None:
        """Write FILE.crt and FILE.key for a user, or for a server that has these hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = self._builder(_name(user, groups), key).add_extension(
            x509.ExtendedKeyUsage(usages), critical=False
        )
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        self._write(file, builder.sign(self._key, hashes.SHA256()), key)

    def key_pair(self, file: str) -> None:
        """Write FILE.key and FILE.pub, as service-account tokens are signed with."""
        key = ec.generate_private_key(ec.SECP256R1())
        _write_key(self._directory / f"{file}.key", key)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self._directory / f"{file}.pub").write_bytes(public)

    def kubeconfig(self, user: str, server: str) -> str:
        """Render a kubeconfig that carries the certificate signed under this name."""
        return render_kubeconfig(
            server,
            (self._directory / "ca.crt").read_bytes(),
            (self._directory / f"{user}.crt").read_bytes(),
            (self._directory / f"{user}.key").read_bytes(),
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(subject_name=subject, issuer_name=self._name)
        return (
            builder.public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + _YEARS)
        )

    def _write(self, file: str, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        pem = cert.public_bytes(serialization.Encoding.PEM)
        (self._directory / f"{file}.crt").write_bytes(pem)
        _write_key(self._directory / f"{file}.key", key)


def render_kubeconfig(server: str, authority: bytes, certificate: bytes, key: bytes) -> str:
    """Render a kubeconfig; JSON, which is YAML too."""
    cluster = {"server": server, "certificate-authority-data": b64encode(authority).decode()}
    user = {
        "client-certificate-data": b64encode(certificate).decode(),
        "client-key-data": b64encode(key).decode(),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "darkroom",
        "clusters": [{"name": "darkroom", "cluster": cluster}],
        "users": [{"name": "darkroom", "user": user}],
        "contexts": [{"name": "darkroom", "context": {"cluster": "darkroom", "user": "darkroom"}}],
    }
    return json.dumps(document, indent=2) + "\n"


def _name(user: str, groups: Sequence[str]) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
