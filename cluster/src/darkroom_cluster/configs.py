"""Renders the configuration files of a node's programs."""

import json

from darkroom_cluster import audit
from darkroom_cluster.layout import ADDRESS, DOMAIN, INSIDE, PODS, SOCKET
from darkroom_cluster.requirements import CNI

SANDBOX_IMAGE = "localhost/darkroom-sandbox:1"


def render(node: str, cgroup: str) -> dict[str, str]:
    """Return each file's content by its name in the node's `config` directory."""
    return {
        "containerd.toml": containerd(),
        "cni/10-pods.conflist": cni(),
        "kubelet.yaml": kubelet(cgroup),
        "kube-proxy.yaml": kube_proxy(node),
        "Corefile": corefile(),
        "audit.yaml": audit.policy(),
        "resolv.conf": "",
    }


def containerd() -> str:
    """Configure containerd to keep everything in the node's own directories."""
    # restrict_oom_score_adj: without CAP_SYS_RESOURCE no sandbox could lower its score or start.
    return f"""\
version = 2
root = "{INSIDE}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{SANDBOX_IMAGE}"
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{CNI}"
conf_dir = "{INSIDE}/config/cni"
"""


def cni() -> str:
    """Give each pod a link of its own to the node."""
    # Not a bridge: what is routed needs no br_netfilter for a Service's answers to find back.
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": PODS, "rangeStart": "10.85.0.10", "gateway": ADDRESS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni",
    }
    plugin = {"type": "ptp", "ipMasq": False, "ipam": ipam}
    return json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [plugin]}, indent=2)


def kubelet(cgroup: str) -> str:
    """Keep to Kubernetes' defaults, but for what a guest on this machine must not do."""
    pki = f"{INSIDE}/pki"
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "authentication": {"x509": {"clientCAFile": f"{pki}/ca.crt"}},
        "tlsCertFile": f"{pki}/kubelet.crt",
        "tlsPrivateKeyFile": f"{pki}/kubelet.key",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "clusterDNS": [ADDRESS],
        "clusterDomain": DOMAIN,
        "resolvConf": f"{INSIDE}/config/resolv.conf",
        "podLogsDir": f"{INSIDE}/pod-logs",
        "volumePluginDir": f"{INSIDE}/kubelet/plugins-exec",
        "makeIPTablesUtilChains": False,
        "readOnlyPort": 0,
        # The disk is the machine's: however full, no pod is evicted, no image collected.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
    }
    return json.dumps(config, indent=2)


def kube_proxy(node: str) -> str:
    """Configure kube-proxy to write nftables rules and no sysctl of the machine's."""
    untouched = {
        "maxPerCore": 0,
        "min": 0,
        "tcpEstablishedTimeout": "0s",
        "tcpCloseWaitTimeout": "0s",
    }
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": PODS,
        "hostnameOverride": node,
        "oomScoreAdj": 0,
        "clientConnection": {"kubeconfig": f"{INSIDE}/config/kube-proxy.kubeconfig"},
        "conntrack": untouched,
    }
    return json.dumps(config, indent=2)


def corefile() -> str:
    """Serve the cluster's names; all others are refused at once because the node has no way out."""
    return f"""\
. {{
    bind {ADDRESS}
    errors
    cache 5
    kubernetes {DOMAIN} in-addr.arpa {{
        kubeconfig {INSIDE}/config/coredns.kubeconfig
        ttl 5
    }}
}}
"""
