"""A web server in the cluster: /slow keeps its last byte back, /away is out of order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from cluster_api import PODS, Api
from waiting import until

_NAME: Final = "source"
_PORT: Final = 8000
_SERVER: Final = """
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/away":
            return self.send_error(503)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"1")
        self.wfile.flush()
        time.sleep(3600)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""


@asynccontextmanager
async def slow_source(api: Api, image: str) -> AsyncIterator[str]:
    """Run it from an image with Python in it; yield its URL inside the cluster."""
    await api.create(PODS, _pod(image))

    async def address() -> str:
        return _address(await api.call("GET", api.path(PODS, _NAME)))

    found = await until(address, "the start of the web server")
    yield f"http://{found}:{_PORT}"
    await api.delete(PODS, _NAME)


def _address(pod: dict[str, Any]) -> str:
    status = pod["status"]
    found = {c["type"]: c["status"] for c in status.get("conditions", ())}
    address: str = status.get("podIP", "")
    return address if found.get("Ready") == "True" else ""


def _pod(image: str) -> dict[str, Any]:
    return {
        "metadata": {"name": _NAME},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": _NAME,
                    "image": image,
                    "command": ["python3", "-c", _SERVER],
                    "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
                }
            ],
        },
    }
