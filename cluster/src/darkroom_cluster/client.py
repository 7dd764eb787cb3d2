"""A small client of Darkroom's REST API, for `make up`, the end-to-end tests and the benchmark.

Only the standard library, and nothing that a user could not type with curl.
"""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final, TypeVar

FINAL_STATES: Final = frozenset({"succeeded", "failed", "canceled", "expired"})
_TIMEOUT_SECONDS: Final = 30
_FIRST_ERROR: Final = 400

Found = TypeVar("Found")


@dataclass(frozen=True)
class Answer:
    """What the API answered, whatever its status."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:  # noqa: ANN401  # JSON is what it is
        """Return the body's document."""
        return json.loads(self.body)


class RefusedError(Exception):
    """The API answered with an error where success was needed."""

    def __init__(self, method: str, url: str, answer: Answer) -> None:
        super().__init__(f"{method} {url}: {answer.status} {answer.body.decode(errors='replace')}")
        self.answer = answer


class Client:
    """One user's view of Darkroom."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.token = token

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; an error of the API is an answer, one of the network is raised."""
        url = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(url, data=body, method=method)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        if self.token is not None:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def call(self, method: str, path: str, document: object = None) -> Any:  # noqa: ANN401  # JSON
        """Send a JSON document and return the one that comes back; raises RefusedError."""
        body = None if document is None else json.dumps(document).encode()
        answer = self.request(method, path, body, {"Content-Type": "application/json"})
        return _accepted(method, path, answer).json()

    def register(self, email: str, password: str) -> None:
        """Make an account."""
        self.call("POST", "/v1/auth/register", {"email": email, "password": password})

    def login(self, email: str, password: str) -> "Client":
        """Return a client that acts as this user."""
        document = {"email": email, "password": password}
        return Client(self.url, self.call("POST", "/v1/auth/token", document)["access_token"])

    def submit(self, content: bytes, task: Mapping[str, Any], *, filename: str = "a.jpg") -> Any:  # noqa: ANN401
        """Upload a file with the outputs to make of it; return the task."""
        boundary = uuid.uuid4().hex
        body = _multipart(boundary, content, filename, json.dumps(task))
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self.request("POST", "/v1/tasks", body, headers)
        return _accepted("POST", "/v1/tasks", answer).json()

    def task(self, task_id: str) -> Any:  # noqa: ANN401
        """Return the task as it is now."""
        return self.call("GET", f"/v1/tasks/{task_id}")

    def wait(
        self, task_id: str, *, seconds: float = 60, until: Callable[[Any], bool] | None = None
    ) -> Any:  # noqa: ANN401
        """Poll until the task has ended (or until `until` holds) and return it."""
        done = until or (lambda task: task["status"] in FINAL_STATES)
        return poll(lambda: self.task(task_id), done, seconds=seconds, what=f"task {task_id}")

    def output(self, task_id: str, name: str) -> Answer:
        """Return one output's bytes, with their headers."""
        path = f"/v1/tasks/{task_id}/outputs/{name}"
        return _accepted("GET", path, self.request("GET", path))


def poll(
    look: Callable[[], Found],
    done: Callable[[Found], bool],
    *,
    seconds: float,
    what: str,
    every: float = 0.05,
) -> Found:
    """Look until what is found is `done`; raises TimeoutError that says what was found last."""
    end = time.monotonic() + seconds
    while not done(found := look()):
        if time.monotonic() > end:
            msg = f"{what} was not done after {seconds:.0f} s; last seen: {found}"
            raise TimeoutError(msg)
        time.sleep(every)
    return found


def _accepted(method: str, path: str, answer: Answer) -> Answer:
    if answer.status >= _FIRST_ERROR:
        raise RefusedError(method, path, answer)
    return answer


def _multipart(boundary: str, content: bytes, filename: str, task: str) -> bytes:
    task_part = f'--{boundary}\r\nContent-Disposition: form-data; name="task"\r\n\r\n{task}\r\n'
    file_part = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return (task_part + file_part).encode() + content + f"\r\n--{boundary}--\r\n".encode()
