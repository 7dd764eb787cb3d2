"""Somebody's server that is sent webhooks, for tests: it keeps what came, and answers as told."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    """By time.monotonic()."""


@dataclass
class Told:
    """How a path is answered."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    hangs: bool = False
    """Whether there is no answer before `Receiver.release`."""


class Receiver(ThreadingHTTPServer):
    """Answers by the table `answers`, by path, else 204."""

    request_queue_size = 64
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[Received] = []
        self.answers: dict[str, Told] = {}
        self.release = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def at(self, path: str) -> list[Received]:
        """Return what came to this path."""
        return [received for received in self.received if received.path == path]

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        """Serve in a thread."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:  # the name is http.server's
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append(Received(self.path, headers, body, time.monotonic()))
        told = self.server.answers.get(self.path, Told())
        if told.hangs:
            self.server.release.wait(60)
        try:
            self.send_response(told.status)
            for name, value in told.headers:
                self.send_header(name, value)
            if told.status != 204:  # noqa: PLR2004
                self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)
        except OSError:
            pass  # who asked did not wait

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        pass
