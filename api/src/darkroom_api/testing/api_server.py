"""An HTTP server that answers as an API server does, for tests of the client and of processes."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from darkroom_core import names

Json = dict[str, Any]
Answer = tuple[int, Json]
_KEPT: Final = {names.RECIPE.plural, names.SCHEDULE.plural}


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    body: dict[str, Any]
    at: float
    """By time.time()."""


class FakeApiServer(ThreadingHTTPServer):
    """Answers by the table `answers`, else as if all were well, and keeps what it was asked.

    Recipes and schedules it keeps as an API server does; of tasks it says that they are made.
    """

    # With the default of 5, a burst of connections waits a second for a second try.
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.in_turn: dict[str, list[Answer]] = {}
        """Answers to give once each, before those of the table."""
        self.asked: list[Asked] = []
        self.kept: dict[str, Json] = {}
        """Recipes and schedules, by their paths."""

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
        status, document = self._next() or self._as_if_well(body)
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  # the names that the base looks for

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def _next(self) -> Answer | None:
        if turns := self.server.in_turn.get(self.command):
            return turns.pop(0)
        return self.server.answers.get(self.command)

    def _as_if_well(self, body: Json) -> Answer:
        path = urlsplit(self.path).path
        if path.rsplit("/", 1)[-1] in _KEPT:
            return self._collection(path, body)
        if path.rsplit("/", 2)[-2] in _KEPT:
            return self._object(path, body)
        if self.command == "POST":
            return 201, {**body, "metadata": {**body["metadata"], "uid": str(uuid.uuid4())}}
        return 200, {"kind": "Status", "status": "Success", "items": []}

    def _collection(self, path: str, body: Json) -> Answer:
        kept = self.server.kept
        if self.command == "GET":
            return 200, {"items": [kept[key] for key in kept if key.startswith(f"{path}/")]}
        key = f"{path}/{body['metadata']['name']}"
        if key in kept:
            return _refusal(409, "AlreadyExists")
        kept[key] = _versioned(body, uid=str(uuid.uuid4()), version=1)
        return 201, kept[key]

    def _object(self, path: str, body: Json) -> Answer:
        kept = self.server.kept
        before = kept.get(path)
        if before is None:
            return _refusal(404, "NotFound")
        if self.command == "PUT":
            metadata = before["metadata"]
            if body["metadata"].get("resourceVersion") != metadata["resourceVersion"]:
                return _refusal(409, "Conflict")
            version = int(metadata["resourceVersion"]) + 1
            kept[path] = _versioned(body, uid=metadata["uid"], version=version)
        elif self.command == "DELETE":
            del kept[path]
        return 200, kept.get(path, before)


def _versioned(body: Json, *, uid: str, version: int) -> Json:
    made = {"uid": uid, "resourceVersion": str(version), "generation": version}
    return {**body, "metadata": {**body["metadata"], **made}}


def _refusal(status: int, reason: str) -> Answer:
    return status, {"kind": "Status", "status": "Failure", "reason": reason, "message": reason}
