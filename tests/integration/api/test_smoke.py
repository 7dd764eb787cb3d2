"""`darkroom-api smoke` where it fails; that a picture comes through is seen on the cluster."""

import os
import subprocess
import sys

PASSWORD = "the admin's password"
Served = tuple[str, subprocess.Popen[bytes]]


def smoke(url: str, password: str) -> tuple[int, str]:
    account = {
        "DARKROOM_ADMIN_EMAIL": "admin@darkroom.internal",
        "DARKROOM_ADMIN_PASSWORD": password,
    }
    done = subprocess.run(
        [sys.executable, "-m", "darkroom_api", "smoke", url, "--patience", "0"],
        env={"PATH": os.environ["PATH"], **account},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_task_that_does_not_end_is_told_with_what_it_waits_for(served: Served) -> None:
    code, told = smoke(served[0], PASSWORD)
    assert code == 1
    assert told.startswith("darkroom-api: task task-")
    assert "is queued after 0 s: " in told


def test_an_account_that_is_not_let_in_is_told_with_the_answer(served: Served) -> None:
    code, told = smoke(served[0], "another password")
    assert code == 1
    assert told.startswith("darkroom-api: could not sign in: 401 ")


def test_an_api_that_is_not_there_is_told() -> None:
    code, told = smoke("http://127.0.0.1:9", PASSWORD)
    assert code == 1
    assert told.startswith("darkroom-api: http://127.0.0.1:9 does not answer: ")
