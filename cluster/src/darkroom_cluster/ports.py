"""Finds ports of 127.0.0.1 to be reached at."""

import socket

from darkroom_cluster.cluster import ClusterError

WEB_PORT = 8080
"""Where the API is unless something else is there."""


def free_port() -> int:
    """Return the usual port if it is free, else any."""
    for candidate in (WEB_PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ClusterError("127.0.0.1 has no free port.")
