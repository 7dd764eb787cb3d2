"""An HTTP server that answers as an API server does, for tests of the client and of processes."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    body: dict[str, Any]
    at: float
    """By time.time()."""


class FakeApiServer(ThreadingHTTPServer):
    """Answers by the table `answers`, else as if all were well, and keeps what it was asked."""

    # With the default of 5, a burst of connections waits a second for a second try.
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []

    @contextmanager
    def running(self) -> Iterator["FakeApiServer"]:
        """Serve in a thread."""
        with self:
            thread = threading.Thread(target=self.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                self.shutdown()
                thread.join()

    @property
    def kubeconfig(self) -> str:
        """The file with which a client finds it."""
        server = f"http://127.0.0.1:{self.server_port}"
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "clusters": [{"name": "test", "cluster": {"server": server}}],
                "users": [{"name": "test", "user": {}}],
            }
        )


class _Handler(BaseHTTPRequestHandler):
    server: FakeApiServer
    protocol_version = "HTTP/1.1"
    # Headers and body go out together: else Nagle's algorithm holds the body back for 40 ms.
    wbufsize = -1

    def _answer(self) -> None:
        asked_at = time.time()
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        self.server.asked.append(Asked(self.command, self.path, body, asked_at))
        status, document = self.server.answers.get(self.command) or _as_if_well(self.command, body)
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  # the names that the base looks for

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _as_if_well(method: str, body: dict[str, Any]) -> Answer:
    if method == "POST":
        return 201, {**body, "metadata": {**body["metadata"], "uid": str(uuid.uuid4())}}
    return 200, {"kind": "Status", "status": "Success"}
