"""No secret that the API is given, or gives, is in its log; nor what lets a processor in."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from darkroom_api.testing import User, jpeg, register, until
from darkroom_api.testing.receiver import Receiver, Told

Environment = dict[str, str]
Served = tuple[str, subprocess.Popen[bytes]]
PASSWORD = "correct horse battery staple"
UNSUBSCRIBE = "a-token-that-was-mailed-to-somebody-once"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as receiver:
        yield receiver


@pytest.fixture
def environment(environment: Environment, port: int) -> Environment:
    return environment | {
        "DARKROOM_LOG__LEVEL": "DEBUG",
        "DARKROOM_STORAGE__URL": f"http://127.0.0.1:{port}",
        "DARKROOM_WEBHOOKS__ALLOW_HTTP": "true",
        "DARKROOM_WEBHOOKS__ALLOWED_NETWORKS": "127.0.0.1/32",
        "DARKROOM_WEBHOOKS__ENCRYPTION_KEY": "the key that seals the secrets of webhooks",
    }


@pytest.fixture
async def ada(served: Served) -> AsyncIterator[User]:
    async with httpx2.AsyncClient(base_url=served[0], timeout=60) as client:
        yield await register(client, "ada@example.com")


def secrets_in(document: Any) -> set[str]:
    """Whatever an answer names that lets its holder in: tokens, keys, secrets, signatures."""
    text = json.dumps(document)
    found = set(re.findall(r"(?:signature|token|sig)=([\w.~-]{16,})", text, re.IGNORECASE))
    for name in ("access_token", "refresh_token", "secret", "key"):
        found |= set(re.findall(rf'"{name}": "([^"/]{{20,}})"', text))
    return found


async def test_no_secret_that_comes_or_goes_is_in_the_log(
    ada: User, environment: Environment, receiver: Receiver, tmp_path: Path
) -> None:
    http, answers = ada.http, []
    credentials = {"email": "grace@example.com", "password": PASSWORD}
    answers.append(await http.post("/v1/auth/register", json=credentials))
    answers.append(await http.post("/v1/auth/token", json=credentials))
    refresh = {"refresh_token": answers[-1].json()["refresh_token"]}
    answers.append(await http.post("/v1/auth/refresh", json=refresh))
    wrong = {"email": "grace@example.com", "password": PASSWORD + "!"}
    assert (await http.post("/v1/auth/token", json=wrong)).status_code == 401
    made = {"name": "ci", "scopes": ["tasks:read"]}
    answers.append(await ada.post("/v1/api-keys", json=made))
    key = answers[-1].json()["key"]
    await http.get("/v1/tasks", headers={"Authorization": f"Bearer {key}"})
    await http.get("/v1/tasks", headers={"Authorization": f"Bearer {key}x", "Cookie": f"a={key}"})
    receiver.answers["/hook"] = Told(500, body=b"no")
    url = f"{receiver.url}/hook?token=the-receivers-own-secret"
    answers.append(await ada.post("/v1/webhooks", json={"url": url}))
    answers.append(await ada.upload())
    task = answers[-1].json()["id"]
    answers.append(await ada.post("/v1/uploads", json={"filename": "a.jpg", "size": 99}))
    await http.get(f"/v1/unsubscribe/{UNSUBSCRIBE}")
    await http.post(f"/v1/unsubscribe/{UNSUBSCRIBE}")
    signed = f"/v1/objects/uploads/{task}?expires=9999999999&signature={'5' * 64}"
    assert (await http.get(signed)).status_code == 403
    assert (await http.put(signed, content=jpeg())).status_code in {403, 405}
    await ada.post(f"/v1/tasks/{task}/cancel")

    last = "the-last-request"
    await http.get("/v1/tasks", headers={"X-Request-Id": last})
    log = tmp_path / "log"
    await until(lambda: last in log.read_text())

    secrets = set().union(*(secrets_in(answer.json()) for answer in answers))
    assert len(secrets) >= 5, "the test finds what it looks for"
    secrets |= {PASSWORD, UNSUBSCRIBE, key, "the-receivers-own-secret", "5" * 64}
    secrets |= {ada.headers["Authorization"].removeprefix("Bearer ")}
    secrets |= {value for name, value in environment.items() if name.endswith(("_KEY", "PASSWORD"))}
    written = log.read_text()
    assert f"GET /v1/objects/uploads/{task}" in written
    assert "GET /v1/unsubscribe/{token}" in written
    assert not [secret for secret in secrets if secret in written]


def test_a_processor_whose_source_cannot_be_had_logs_no_signature(
    receiver: Receiver, tmp_path: Path
) -> None:
    signature = "X-Amz-Signature=" + "7" * 64
    request = {"url": f"{receiver.url}/source?{signature}", "headers": {"Authorization": "8" * 64}}
    assignment = {
        "task": "task-1",
        "sources": [{"request": request}],
        "outputs": [
            {
                "output": {"name": "a", "format": "png"},
                "files": [{"name": "a", "format": "png", "request": request}],
            }
        ],
    }
    done = subprocess.run(
        [sys.executable, "-m", "darkroom_processor"],
        env={
            "PATH": os.environ["PATH"],
            "DARKROOM_ASSIGNMENT": json.dumps(assignment),
            "DARKROOM_TERMINATION_LOG": str(tmp_path / "report"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr + (tmp_path / "report").read_text()
    assert "started" in told
    assert done.returncode != 0
    assert "7" * 64 not in told
    assert "8" * 64 not in told
