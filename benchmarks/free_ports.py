"""Ports of 127.0.0.1 that nobody listens on."""

import socket
from contextlib import closing


def free_port() -> int:
    """Return a port that is free now."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
