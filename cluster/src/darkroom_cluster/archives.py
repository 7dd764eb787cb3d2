"""Makes an image's archive small: the layers that a node has already are left out of it."""

import hashlib
import io
import json
import tarfile
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final

_OCI: Final = "application/vnd.oci.image"


def write_lacking(whole: Path, thin: Path, has: AbstractSet[str]) -> None:
    """Write a docker-archive as an OCI archive without the layers whose digests the node has.

    A docker-archive names its layers and its configuration after their own digests.
    """
    with tarfile.open(whole) as source, tarfile.open(thin, "w") as target:
        described = json.loads(_read(source, "manifest.json"))[0]
        config = _read(source, described["Config"])
        blobs = {digest_of(config): config}
        layers = [_layer(source, name) for name in described["Layers"]]
        manifest = _json(
            schemaVersion=2,
            mediaType=f"{_OCI}.manifest.v1+json",
            config=_descriptor("config.v1+json", digest_of(config), len(config)),
            layers=layers,
        )
        blobs[digest_of(manifest)] = manifest
        entry = _descriptor("manifest.v1+json", digest_of(manifest), len(manifest))
        entry["annotations"] = {
            "org.opencontainers.image.ref.name": described["RepoTags"][0],
            "io.containerd.image.name": described["RepoTags"][0],
        }
        _add(target, "oci-layout", _json(imageLayoutVersion="1.0.0"))
        _add(target, "index.json", _json(schemaVersion=2, manifests=[entry]))
        for digest, content in blobs.items():
            _add(target, _place(digest), content)
        for name, layer in zip(described["Layers"], layers, strict=True):
            if layer["digest"] not in has:
                info = tarfile.TarInfo(_place(layer["digest"]))
                info.size = layer["size"]
                target.addfile(info, source.extractfile(name))


def digest_of(content: bytes) -> str:
    """Return the digest that names this content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _layer(source: tarfile.TarFile, name: str) -> dict[str, Any]:
    digest = f"sha256:{Path(name).stem}"
    return _descriptor("layer.v1.tar", digest, source.getmember(name).size)


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}.{kind}", "digest": digest, "size": size}


def _place(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _json(**content: object) -> bytes:
    return json.dumps(content).encode()


def _read(source: tarfile.TarFile, name: str) -> bytes:
    member = source.extractfile(name)
    if member is None:
        raise ValueError(f"{name} in the archive is no file")
    return member.read()


def _add(target: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    target.addfile(info, io.BytesIO(content))
