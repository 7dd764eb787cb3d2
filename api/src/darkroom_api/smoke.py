"""A picture through a running Darkroom, as a client would send it: upload, task, result."""

import base64
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx2

from darkroom_api.errors import CommandError

# Four pixels: the smallest picture that has something to be resized.
_PICTURE: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR42mM4EaChUXGCAUIBACTGBVEuaSGx"
    "AAAAAElFTkSuQmCC"
)
_TASK: Final = (
    '{"outputs": [{"name": "smoke", "format": "webp",'
    ' "operations": [{"resize": {"width": 1, "height": 1}}]}]}'
)
_WAIT_SECONDS: Final = 10


@dataclass(frozen=True)
class Account:
    """Who sends it."""

    email: str
    password: str


def smoke(url: str, account: Account, *, patience: float) -> str:
    """Process a picture with the API at this URL; return a sentence about the result.

    Raises CommandError with what was answered where it was not what it should be, and where the
    task has not ended after `patience` seconds.
    """
    began = time.monotonic()
    with httpx2.Client(base_url=url, timeout=_WAIT_SECONDS + 20) as client:
        try:
            return _processed(client, account, began, patience)
        except httpx2.HTTPError as error:
            raise CommandError(f"{url} does not answer: {error}") from error


def _processed(client: httpx2.Client, account: Account, began: float, patience: float) -> str:
    body = {"email": account.email, "password": account.password}
    token = _json(client.post("/v1/auth/token", json=body), "sign in")["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    files = {"file": ("smoke.png", _PICTURE, "image/png")}
    made = client.post("/v1/tasks", data={"task": _TASK}, files=files)
    task = _json(made, "make a task")
    while task["status"] in {"queued", "running"}:
        if time.monotonic() > began + patience:
            message = task.get("message") or "nothing says why"
            raise CommandError(
                f"task {task['id']} is {task['status']} after {patience:.0f} s: {message}"
            )
        wait = {"Prefer": f"wait={_WAIT_SECONDS}"}
        task = _json(client.get(f"/v1/tasks/{task['id']}", headers=wait), "read the task")
    if task["status"] != "succeeded":
        raise CommandError(f"task {task['id']} is {task['status']}: {task.get('message')}")
    result = client.get(f"/v1/tasks/{task['id']}/outputs/smoke", follow_redirects=True)
    if result.status_code != HTTPStatus.OK or result.content[8:12] != b"WEBP":
        raise CommandError(f"the result of {task['id']} is no WebP picture: {_told(result)}")
    return f"{task['id']} succeeded after {time.monotonic() - began:.1f} s\n"


def _json(answer: httpx2.Response, what: str) -> dict[str, Any]:
    if not answer.is_success:
        raise CommandError(f"could not {what}: {_told(answer)}")
    document: dict[str, Any] = answer.json()
    return document


def _told(answer: httpx2.Response) -> str:
    return f"{answer.status_code} {answer.text[:300]}"
