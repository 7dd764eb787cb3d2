"""Breaks the operator's connections to the API server: at once, or by silence."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from darkroom_cluster import commands
from darkroom_cluster.layout import API_PORT, KUBERNETES_SERVICE
from darkroom_cluster.requirements import SEARCH_PATH

_TABLE: Final = "darkroom_chaos"


def reset_connections(pid: int) -> None:
    """Close the process' connections to the API server, as an aborted connection is closed."""
    # Whatever ss says: it complains of sockets that have closed meanwhile.
    _inside(pid, "ss", "--kill", "dst", KUBERNETES_SERVICE, check=False)


@contextmanager
def severed(node: int, addresses: Sequence[str]) -> Iterator[None]:
    """Drop every packet from these addresses to the API server; nobody is told."""
    try:
        _inside(node, "nft", "-f", "-", given=rules(addresses))
        yield
    finally:
        _inside(node, "nft", "delete", "table", "inet", _TABLE, check=False)


def rules(addresses: Sequence[str]) -> str:
    """Return what nft is told; after kube-proxy's rules the Service is the API server itself."""
    sources = ", ".join(addresses)
    return (
        f"table inet {_TABLE} {{\n"
        "  chain input {\n"
        "    type filter hook input priority 0;\n"
        f"    ip saddr {{ {sources} }} tcp dport {API_PORT} drop\n"
        "  }\n"
        "}\n"
    )


def _inside(
    pid: int, *command: str, check: bool = True, given: str = ""
) -> subprocess.CompletedProcess[str]:
    enter = ["nsenter", "--target", str(pid), "--net", "--"]
    return commands.run(
        [*enter, *command], check=check, given=given, environment={"PATH": SEARCH_PATH}
    )
