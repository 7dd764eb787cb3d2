"""The OpenAPI document holds: schemathesis asks every operation, as a user and as an admin.

No answer may be a 5xx, nor of a status, media type, header or shape that the document does not
name. The seed is fixed, so a run that fails fails again. Operations that end what the others need
(their own session, their own account) are asked by tests of their own.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import uvicorn
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster

ADMIN = {"email": "admin@darkroom.internal", "password": "the admin's password"}
USER = {"email": "ada@example.com", "password": "correct horse battery staple"}
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance"),
)
COMMAND = Path(sys.executable).parent / "schemathesis"
MOST_SECONDS = 400
# They end the session that all others are asked by, or never end themselves.
ASKED_ELSEWHERE = "(?i)logout|signOut|streamTask|streamEvents|deleteMe|changePassword"


@pytest.fixture
def url(settings: Settings, cluster: FakeCluster) -> Iterator[str]:
    """The application on a port, in this process: its Kubernetes is the fake one."""
    app = create_app(settings, open_cluster=cluster.opened)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def token_of(url: str, who: dict[str, str]) -> str:
    if who is USER:
        httpx2.post(f"{url}/v1/auth/register", json=who).raise_for_status()
    answer = httpx2.post(f"{url}/v1/auth/token", json=who)
    answer.raise_for_status()
    token: str = answer.json()["access_token"]
    return token


# Only admins get to see what their own operations do with what they are sent.
@pytest.mark.parametrize(
    ("who", "mode"), [(USER, "positive"), (ADMIN, "all")], ids=["user", "admin"]
)
def test_every_answer_is_one_that_the_document_names(
    url: str, tmp_path: Path, who: dict[str, str], mode: str
) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(str(COMMAND), "run", f"{url}/openapi.json", "--url", url, "--no-color"),
            *("--header", f"Authorization: Bearer {token_of(url, who)}"),
            *("--phases", "examples,coverage,stateful", "--mode", mode),
            *("--exclude-operation-id-regex", ASKED_ELSEWHERE),
            *("--checks", ",".join(CHECKS), "--max-examples", "5", "--no-shrink"),
            *("--generation-deterministic", "--output-sanitize", "false"),
            *("--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "20"),
            *("--report", "json", "--report-json-path", str(report), "--continue-on-failure"),
        ],
        env={name: value for name, value in os.environ.items() if name != "SCHEMATHESIS_HOOKS"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=MOST_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-40_000:] + done.stderr[-4000:]
    assert json.loads(report.read_text())
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested
    assert int(tested[1]) > 15
