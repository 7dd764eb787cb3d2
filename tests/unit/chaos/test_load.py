import http.server
import json
import threading
import time
from collections.abc import Iterator

import pytest
from darkroom_cluster.chaos.facts import Wish
from darkroom_cluster.chaos.load import Load, probe
from darkroom_cluster.client import Client


class Api(http.server.ThreadingHTTPServer):
    """Accepts tasks, and answers each second request with an error."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tasks: dict[str, str] = {}
        self.requests = 0
        self.end = "succeeded"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Api

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.requests += 1
        if self.server.requests % 2:
            self.answer(503, {})
        elif self.path.endswith("/cancel"):
            self.server.tasks[self.path.split("/")[3]] = "canceled"
            self.answer(202, {})
        else:
            name = f"task-{len(self.server.tasks)}"
            self.server.tasks[name] = "queued"
            self.answer(202, {"id": name})

    def do_GET(self) -> None:
        if "?" in self.path:
            status = self.path.partition("status=")[2]
            found = [{"id": t, "status": s} for t, s in self.server.tasks.items() if s == status]
            self.answer(200, {"data": found, "has_more": False, "next_cursor": None})
            return
        name = self.path.split("/")[3]
        self.answer(200, {"id": name, "status": self.server.tasks[name]})
        if self.server.tasks[name] == "queued":
            self.server.tasks[name] = self.server.end

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def client(api: Api) -> Client:
    return Client(f"http://127.0.0.1:{api.server_port}")


def test_no_more_than_wished_is_in_flight_and_refusals_are_no_tasks(api: Api) -> None:
    load = Load(client(api), "http://sources", b"picture", in_flight=5, per_second=1000)
    load.start()
    deadline = time.monotonic() + 10
    while len(load.unfinished()) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    load.end()
    # Each sender may have had one under way.
    assert 5 <= len(load.sent) <= 10
    assert {task.id for task in load.sent} == set(api.tasks)
    assert load.unanswered > 0
    assert {task.wish for task in load.sent} <= set(Wish)


def test_a_probe_insists_until_a_task_has_succeeded(api: Api) -> None:
    assert probe(client(api), b"picture", patience=10) is not None
    assert api.requests == 2


def test_a_probe_does_not_wait_for_ever(api: Api) -> None:
    api.end = "running"
    assert probe(client(api), b"picture", patience=0.5) is None
