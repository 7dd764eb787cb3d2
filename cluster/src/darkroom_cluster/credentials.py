"""Who is who in a node: the certificates and kubeconfigs of its programs and of its user."""

import json
import shutil
from pathlib import Path

from darkroom_cluster.layout import ADDRESS, API_PORT, DOMAIN, KUBERNETES_SERVICE
from darkroom_cluster.pki import Authority

ADMINISTRATORS = "system:masters"
SERVER = f"https://{ADDRESS}:{API_PORT}"


def issue(home: Path, node: str, kubeconfig: Path) -> None:
    """Write all of a node's, and the user's kubeconfig last: where that is, the others are."""
    shutil.rmtree(home / "pki", ignore_errors=True)
    authority = Authority(home / "pki")
    authority.key_pair("tokens")
    authority.sign("apiserver", "kube-apiserver", hosts=_api_hosts())
    authority.sign("apiserver-kubelet", "kube-apiserver", ADMINISTRATORS)
    authority.sign("front-proxy", "front-proxy")
    for file, (user, *groups) in _users(node).items():
        authority.sign(file, user, *groups, hosts=[ADDRESS, node] if file == "kubelet" else [])
        _write(home / "config" / f"{file}.kubeconfig", authority.kubeconfig(file, SERVER))
    authority.sign("admin", "admin", ADMINISTRATORS)
    _write(kubeconfig, authority.kubeconfig("admin", SERVER))


def readdress(kubeconfig: Path, server: str) -> None:
    """Let the kubeconfig say where the API server is reached today."""
    config = json.loads(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = server
    _write(kubeconfig, json.dumps(config, indent=2) + "\n")


def _users(node: str) -> dict[str, tuple[str, ...]]:
    return {
        "kubelet": (f"system:node:{node}", "system:nodes"),
        "kube-controller-manager": ("system:kube-controller-manager",),
        "kube-scheduler": ("system:kube-scheduler",),
        # RBAC has a role for the proxy's user name, and none made beforehand for CoreDNS.
        "kube-proxy": ("system:kube-proxy",),
        "coredns": ("coredns", ADMINISTRATORS),
        "inside": ("darkroom-node", ADMINISTRATORS),
    }


def _api_hosts() -> list[str]:
    service = "kubernetes.default.svc"
    names = ["kubernetes", "kubernetes.default", service, f"{service}.{DOMAIN}", "localhost"]
    return [ADDRESS, KUBERNETES_SERVICE, "127.0.0.1", *names]


def _write(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)
