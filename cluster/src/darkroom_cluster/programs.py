"""The programs of a node and the flags they run with."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from darkroom_cluster.layout import ADDRESS, API_PORT, BINARIES, DOMAIN, INSIDE, SERVICES

CONFIG = INSIDE / "config"
PKI = INSIDE / "pki"
WEB, API = "forward-web", "forward-api"
AUDIT_LOG = "logs/audit.log"
# A sixth of the API server's time went into collecting its garbage. A node made to be thrown away
# has memory to spare: it collects when the heap is five times what is in use, up to 3 GiB.
_SELDOM_COLLECTED: Final = {"GOGC": "400", "GOMEMLIMIT": "3GiB"}


@dataclass(frozen=True)
class Program:
    """A program that is to run for as long as the node does."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of the node's."""


def forwards(node_port: int) -> tuple[Program, ...]:
    """Return what carries connections from 127.0.0.1 outside to the node."""
    forward = str(BINARIES / "forward")
    return (
        Program(API, (forward, f"{ADDRESS}:{API_PORT}")),
        Program(WEB, (forward, f"{ADDRESS}:{node_port}")),
    )


def foundation() -> tuple[Program, ...]:
    """Return what starts at once."""
    return (
        Program("containerd", ("containerd", "--config", str(CONFIG / "containerd.toml"))),
        Program("etcd", (str(BINARIES / "etcd"), *_etcd()), _SELDOM_COLLECTED),
        Program(
            "kube-apiserver",
            (str(BINARIES / "kube-apiserver"), *_apiserver()),
            _SELDOM_COLLECTED,
        ),
    )


def rest(node: str) -> tuple[Program, ...]:
    """Return what starts when the API server is ready."""
    python = (sys.executable, "-m", "darkroom_cluster.furnish", node)
    return (
        Program("kubelet", (str(BINARIES / "kubelet"), *_kubelet(node))),
        Program("kube-controller-manager", _with("kube-controller-manager", *_controllers())),
        Program("kube-scheduler", _with("kube-scheduler", *_client("kube-scheduler"))),
        Program("kube-proxy", _with("kube-proxy", f"--config={CONFIG}/kube-proxy.yaml")),
        Program("coredns", _with("coredns", "-conf", str(CONFIG / "Corefile"))),
        Program("furnish", python),
    )


def _with(name: str, *flags: str) -> tuple[str, ...]:
    return (str(BINARIES / name), *flags)


def _etcd() -> list[str]:
    # Without fsync a crash of the machine loses the cluster, which is made to be thrown away.
    return [
        "--name=node",
        f"--data-dir={INSIDE}/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--initial-advertise-peer-urls=http://127.0.0.1:2380",
        "--initial-cluster=node=http://127.0.0.1:2380",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver() -> list[str]:
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={ADDRESS}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={SERVICES}",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={PKI}/ca.crt",
        f"--tls-cert-file={PKI}/apiserver.crt",
        f"--tls-private-key-file={PKI}/apiserver.key",
        f"--kubelet-certificate-authority={PKI}/ca.crt",
        f"--kubelet-client-certificate={PKI}/apiserver-kubelet.crt",
        f"--kubelet-client-key={PKI}/apiserver-kubelet.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",
        f"--service-account-key-file={PKI}/tokens.pub",
        f"--service-account-signing-key-file={PKI}/tokens.key",
        "--enable-aggregator-routing=true",
        f"--proxy-client-cert-file={PKI}/front-proxy.crt",
        f"--proxy-client-key-file={PKI}/front-proxy.key",
        f"--requestheader-client-ca-file={PKI}/ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--audit-policy-file={CONFIG}/audit.yaml",
        f"--audit-log-path={INSIDE}/{AUDIT_LOG}",
        # One file for the life of a node: what is compared must be whole.
        "--audit-log-maxsize=4096",
    ]


def _kubelet(node: str) -> list[str]:
    return [
        f"--config={CONFIG}/kubelet.yaml",
        f"--kubeconfig={CONFIG}/kubelet.kubeconfig",
        f"--root-dir={INSIDE}/kubelet",
        f"--cert-dir={INSIDE}/kubelet/pki",
        f"--hostname-override={node}",
        f"--node-ip={ADDRESS}",
    ]


def _controllers() -> list[str]:
    return [
        *_client("kube-controller-manager"),
        f"--root-ca-file={PKI}/ca.crt",
        f"--service-account-private-key-file={PKI}/tokens.key",
        "--use-service-account-credentials=true",
        # Its default place is outside the node and would be made there.
        f"--flex-volume-plugin-dir={INSIDE}/kubelet/plugins-exec",
        f"--cluster-signing-cert-file={PKI}/ca.crt",
        f"--cluster-signing-key-file={PKI}/ca.key",
    ]


def _client(name: str) -> list[str]:
    kubeconfig = f"{CONFIG}/{name}.kubeconfig"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
    ]
