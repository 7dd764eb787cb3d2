"""Gives a node what a cluster has beyond its servers: storage to claim, and DNS that answers."""

import shutil
import socket
import sys
import time
from typing import Any

from darkroom_cluster.api import Api, ApiError
from darkroom_cluster.layout import ADDRESS, DOMAIN, INSIDE, volume_names
from darkroom_cluster.orders import FURNISHED

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
VOLUMES = "/api/v1/persistentvolumes"
PERIOD = 3.0


def storage_class() -> dict[str, Any]:
    """Return the default class, whose volumes are made beforehand."""
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": default},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "Immediate",
    }


def volume(name: str, node: str) -> dict[str, Any]:
    """Return a volume in a directory of the node's."""
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    terms = [{"matchExpressions": [expression]}]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "standard",
            "local": {"path": str(INSIDE / "volumes" / name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        },
    }


def main() -> None:
    """Furnish, and keep the volumes usable for as long as the node runs."""
    node = sys.argv[1]
    api = Api(INSIDE / "config" / "inside.kubeconfig")
    api.create(CLASSES, storage_class())
    _keep_volumes(api, node)
    while not _resolves():
        time.sleep(0.1)
    (INSIDE / FURNISHED).touch()
    while True:
        time.sleep(PERIOD)
        try:
            _keep_volumes(api, node)
        except (ApiError, OSError) as error:
            print(f"volumes: {error}", flush=True)


def _keep_volumes(api: Api, node: str) -> None:
    """Retire the volumes whose claims are gone; make those that are not there, empty."""
    found = {
        each["metadata"]["name"]: each["status"].get("phase") for each in api.get(VOLUMES)["items"]
    }
    for name in volume_names():
        if found.get(name) == "Released":
            api.delete(f"{VOLUMES}/{name}")
        elif name not in found:
            directory = INSIDE / "volumes" / name
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            directory.chmod(0o777)
            api.create(VOLUMES, volume(name, node))


def _resolves() -> bool:
    name = b"".join(
        bytes([len(p)]) + p.encode() for p in f"kubernetes.default.svc.{DOMAIN}".split(".")
    )
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        try:
            client.sendto(query, (ADDRESS, 53))
            answer = client.recv(512)
        except OSError:
            return False
    return answer[6:8] != b"\x00\x00"


if __name__ == "__main__":
    main()
