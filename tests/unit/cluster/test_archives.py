import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from darkroom_cluster import archives

IMAGE = "localhost/darkroom-api:1"
CONFIG = b'{"rootfs": {}}'
LAYERS = (b"the base", b"the program")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return an archive as `buildah push docker-archive:` writes it."""
    names = [f"{_digest(layer)}.tar" for layer in LAYERS]
    config = f"{_digest(CONFIG)}.json"
    described = [{"Config": config, "RepoTags": [IMAGE], "Layers": names}]
    files = dict(zip(names, LAYERS, strict=True))
    files |= {config: CONFIG, "manifest.json": json.dumps(described).encode()}
    with tarfile.open(tmp_path / "whole.tar", "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return tmp_path / "whole.tar"


def _files(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        members = ((member.name, opened.extractfile(member)) for member in opened)
        return {name: file.read() for name, file in members if file is not None}


def test_only_the_layers_that_the_node_lacks_are_in_the_archive(
    whole: Path, tmp_path: Path
) -> None:
    archives.write_lacking(whole, tmp_path / "thin.tar", {f"sha256:{_digest(LAYERS[0])}"})

    files = _files(tmp_path / "thin.tar")

    assert f"blobs/sha256/{_digest(LAYERS[0])}" not in files
    assert files[f"blobs/sha256/{_digest(LAYERS[1])}"] == LAYERS[1]


def test_the_manifest_names_every_layer_and_the_image(whole: Path, tmp_path: Path) -> None:
    archives.write_lacking(whole, tmp_path / "thin.tar", {f"sha256:{_digest(LAYERS[0])}"})

    files = _files(tmp_path / "thin.tar")
    entry = json.loads(files["index.json"])["manifests"][0]
    manifest = json.loads(files[f"blobs/{entry['digest'].replace(':', '/')}"])

    assert entry["annotations"]["io.containerd.image.name"] == IMAGE
    assert manifest["config"]["digest"] == f"sha256:{_digest(CONFIG)}"
    assert [(layer["digest"], layer["size"]) for layer in manifest["layers"]] == [
        (f"sha256:{_digest(layer)}", len(layer)) for layer in LAYERS
    ]


def test_everything_in_the_archive_has_the_digest_that_it_is_named_after(
    whole: Path, tmp_path: Path
) -> None:
    archives.write_lacking(whole, tmp_path / "thin.tar", set())

    blobs = {name: c for name, c in _files(tmp_path / "thin.tar").items() if "blobs/" in name}

    assert len(blobs) == len(LAYERS) + 2
    assert all(name == f"blobs/sha256/{_digest(content)}" for name, content in blobs.items())
