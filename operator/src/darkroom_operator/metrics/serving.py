"""Serves what is measured, standing by or active."""

from importlib.metadata import version
from typing import Final

from prometheus_client import Gauge, start_http_server

BUILD: Final = Gauge(
    "darkroom_build_info", "1, with the version and the component.", ["version", "component"]
)
BUILD.labels(version("darkroom-operator"), "operator").set(1)


def serve_metrics(port: int) -> None:
    """Answer /metrics on this port from now on."""
    start_http_server(port)
