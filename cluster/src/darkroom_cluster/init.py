"""The node's first process: sets up its namespaces, runs its programs and restarts what ends."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from darkroom_cluster import namespace, programs
from darkroom_cluster.api import ready
from darkroom_cluster.orders import RUNNING, Orders
from darkroom_cluster.process import Process
from darkroom_cluster.requirements import SEARCH_PATH

FIRST_PAUSE, LONGEST_PAUSE, STEADY = 1.0, 30.0, 60.0


def pause_after(pause: float, ran: float) -> float:
    """Return how long to wait before starting it again: twice as long each time, within bounds.

    `pause` is the wait before its last start (0 before the first), `ran` how long it then ran.
    """
    if pause == 0 or ran >= STEADY:
        return FIRST_PAUSE
    return min(2 * pause, LONGEST_PAUSE)


class Supervisor:
    """Runs programs, each with a log file of its own, and starts again whatever ends."""

    def __init__(self, home: Path, sockets: Mapping[str, int]) -> None:
        """Take the node's directory, and the listening socket of each program that has one."""
        self._logs = home / "logs"
        self._record = home / RUNNING
        self._sockets = sockets
        self._running: dict[int, programs.Program] = {}
        self._started: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._due: list[tuple[float, programs.Program]] = []

    def start(self, program: programs.Program) -> None:
        """Start it, with its output appended to its log."""
        log = str(self._logs / f"{program.name}.log")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        if (socket := self._sockets.get(program.name)) is not None:
            actions.append((os.POSIX_SPAWN_DUP2, socket, 3))
        pid = os.posix_spawnp(
            program.command[0],
            program.command,
            os.environ | program.environment,
            file_actions=actions,
            setsid=True,
        )
        self._running[pid] = program
        self._started[program.name] = time.monotonic()
        self._note_running()

    def watch(self) -> None:
        """Reap whatever ends, also orphans of the pods, and start again what is ours."""
        while True:
            self.look()
            # SIGCHLD interrupts the wait.
            signal.sigtimedwait({signal.SIGCHLD}, 0.5 if self._due else 60)

    def look(self) -> None:
        """Reap what has ended, and start what is due."""
        self._reap()
        now = time.monotonic()
        for due, program in list(self._due):
            if due <= now:
                self._due.remove((due, program))
                self.start(program)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if program := self._running.pop(pid, None):
                self._ended(program, os.waitstatus_to_exitcode(status))

    def _ended(self, program: programs.Program, code: int) -> None:
        now = time.monotonic()
        before = self._pauses.get(program.name, 0)
        pause = pause_after(before, now - self._started[program.name])
        say(f"{program.name} ended with {code}: starting it again in {pause:.0f}s")
        self._pauses[program.name] = pause
        self._due.append((now + pause, program))
        self._note_running()

    def _note_running(self) -> None:
        numbers = {program.name: pid for pid, program in self._running.items()}
        _write_whole(self._record, json.dumps(numbers))


def main() -> None:
    """Be the first process."""
    me = Process.current()
    orders = Orders(**json.loads(sys.argv[1]))
    home = Path(orders.home)
    os.environ["PATH"] = SEARCH_PATH
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    namespace.set_up(home, Path(orders.binaries))
    # Only now, because whoever finds it may kill us and expect all to be gone.
    _write_whole(home / "process.json", json.dumps(asdict(me)))
    sockets = {programs.API: orders.api_socket, programs.WEB: orders.web_socket}
    supervisor = Supervisor(home, sockets)
    for program in (*programs.foundation(), *programs.forwards(orders.node_port)):
        supervisor.start(program)
    _wait_until(lambda: ready(home / "config" / "inside.kubeconfig"), patience=120)
    for program in programs.rest(orders.node):
        supervisor.start(program)
    supervisor.watch()


def say(what: str) -> None:
    """Log it with the time."""
    print(time.strftime("%H:%M:%S"), what, flush=True)


def _wait_until(condition: Callable[[], bool], patience: float) -> None:
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


def _write_whole(path: Path, text: str) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(text)
    aside.replace(path)


if __name__ == "__main__":
    main()
