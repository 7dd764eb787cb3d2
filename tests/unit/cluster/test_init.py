import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from darkroom_cluster import init
from darkroom_cluster.init import FIRST_PAUSE, LONGEST_PAUSE, STEADY, Supervisor, pause_after
from darkroom_cluster.orders import RUNNING
from darkroom_cluster.process import Process
from darkroom_cluster.programs import Program

SLEEPS = Program("sleeper", ("sleep", "60"))


def until(look: Callable[[], bool], supervisor: Supervisor) -> None:
    deadline = time.monotonic() + 10
    while not look():
        assert time.monotonic() < deadline
        supervisor.look()
        time.sleep(0.01)


def running(home: Path) -> dict[str, int]:
    numbers: dict[str, int] = json.loads((home / RUNNING).read_text())
    return numbers


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path


def test_the_wait_before_a_restart_doubles_up_to_a_limit() -> None:
    waits = [0.0]
    while len(waits) < 8:
        waits.append(pause_after(waits[-1], ran=0))
    assert waits[1:] == [1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE]


def test_what_ran_for_a_while_is_soon_started_again() -> None:
    assert pause_after(LONGEST_PAUSE, ran=STEADY) == FIRST_PAUSE


def test_a_killed_program_comes_back_under_a_new_number(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(init, "FIRST_PAUSE", 0.01)
    supervisor = Supervisor(home, {})
    supervisor.start(SLEEPS)
    first = running(home)["sleeper"]
    try:
        os.kill(first, signal.SIGKILL)
        until(lambda: "sleeper" not in running(home), supervisor)
        until(lambda: "sleeper" in running(home), supervisor)
        assert running(home)["sleeper"] != first
    finally:
        last = running(home)["sleeper"]
        os.kill(last, signal.SIGKILL)
        os.waitpid(last, 0)


def test_a_program_is_found_among_the_children_by_its_number(home: Path) -> None:
    supervisor = Supervisor(home, {})
    supervisor.start(SLEEPS)
    number = running(home)["sleeper"]
    try:
        found = Process.current().child(number)
        assert found == Process.numbered(number)
        assert Process.current().child(1) is None
    finally:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
