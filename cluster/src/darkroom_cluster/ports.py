"""Finds ports of 127.0.0.1 to be reached at.

None that the kernel gives by itself: it gives those to outgoing connections too, and a cluster
that comes again after a crash must find its ports free.
"""

import socket
import time
from typing import Final

from darkroom_cluster.cluster import ClusterError

WEB_PORTS: Final = range(8080, 8280)
"""Where Darkroom's API may be; the first that is free."""

API_SERVER_PORTS: Final = range(6443, 6643)
"""Where the API server of a node of our own may be."""


# A cluster that was just killed lets go of its ports a moment later.
_PATIENCE_SECONDS: Final = 10.0


def listen(usual: range, recorded: int | None = None) -> socket.socket:
    """Listen on the port that was recorded, else on the first of the usual ones that is free."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while recorded is not None and time.monotonic() < end:
        if (listener := _listener(recorded)) is not None:
            return listener
        time.sleep(0.05)
    for port in usual:
        if (listener := _listener(port)) is not None:
            return listener
    raise ClusterError(f"127.0.0.1 has no free port from {usual.start} to {usual.stop - 1}.")


def _listener(port: int) -> socket.socket | None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError:
        listener.close()
        return None
    return listener


def free_port() -> int:
    """Return the first usual port for Darkroom's API that is free."""
    with listen(WEB_PORTS) as listener:
        port: int = listener.getsockname()[1]
        return port
