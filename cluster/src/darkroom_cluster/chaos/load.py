"""Keeps tasks in flight while things break, as users would: by REST, and never giving up."""

import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Final

from darkroom_cluster.chaos.facts import Sent, Wish
from darkroom_cluster.chaos.histories import Histories
from darkroom_cluster.client import Client, RefusedError

THUMB: Final = {
    "name": "thumb",
    "operations": [{"resize": {"width": 256, "height": 256, "fit": "cover"}}],
    "format": "webp",
}
# Several faults may each cost a task a try, and none may cost it its life.
TASK: Final = {
    "outputs": [THUMB],
    "retries": 10,
    "backoff": {"initialSeconds": 2, "maxSeconds": 20},
    "deadlineSeconds": 3600,
    "ttlSecondsAfterFinished": 90,
}
PROBE: Final = {**TASK, "priority": "Critical"}
MIX: Final = {Wish.QUICK: 20, Wish.SLOW: 60, Wish.CORRUPT: 6, Wish.CANCELED: 14}
CORRUPT: Final = b"\xff\xd8\xff\xe0 this was a photograph once"
SENDERS: Final = 6
LOOK_SECONDS: Final = 1.5
AWAY: Final = (OSError, HTTPException, RefusedError, ValueError)
"""What a request raises while what it needs is broken."""


@dataclass
class Load:
    """Tasks in flight, and what is known of all that were ever sent."""

    user: Client
    sources: str
    photograph: bytes
    in_flight: int
    per_second: float
    sent: list[Sent] = field(default_factory=list)
    histories: Histories = field(default_factory=Histories)
    unanswered: int = 0
    _cancels: list[tuple[float, str]] = field(default_factory=list)
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _fed: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  # a mix

    def start(self) -> None:
        """Begin to send, to cancel and to look."""
        jobs: list[Callable[[], None]] = [self._look, self._cancel, *[self._send] * SENDERS]
        for job in jobs:
            thread = threading.Thread(target=job, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop_sending(self) -> None:
        """Send no more; what is in flight goes on."""
        self._fed.set()

    def end(self) -> None:
        """Stop everything."""
        self._fed.set()
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def unfinished(self) -> frozenset[str]:
        """Return what was accepted and not yet seen ended."""
        with self._lock:
            sent = [task.id for task in self.sent]
        return self.histories.unfinished(sent)

    def _send(self) -> None:
        while not self._fed.wait(0.05):
            if not self._may_send():
                continue
            wish, after = self._wish()
            try:
                task = self._submit(wish)
            except AWAY:
                self.unanswered += 1
                time.sleep(0.5)
                continue
            with self._lock:
                self.sent.append(Sent(task, wish))
                if wish is Wish.CANCELED:
                    self._cancels.append((time.monotonic() + after, task))

    def _may_send(self) -> bool:
        """Take a place, if one is free and the last was not taken a moment ago."""
        if len(self.unfinished()) >= self.in_flight:
            return False
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + 1 / self.per_second
            return True

    def _wish(self) -> tuple[Wish, float]:
        with self._lock:
            (wish,) = self._random.choices(list(MIX), weights=list(MIX.values()))
            return wish, self._random.uniform(1, 12)

    def _submit(self, wish: Wish) -> str:
        if wish is Wish.QUICK:
            task = self.user.submit(self.photograph, TASK)
        elif wish is Wish.CORRUPT:
            task = self.user.submit(CORRUPT, TASK)
        else:
            seconds = 100 if wish is Wish.CANCELED else self._random.randint(30, 90)
            source = {"url": f"{self.sources}/slow/{seconds}/earth.jpg"}
            task = self.user.call("POST", "/v1/tasks", {"source": source, **TASK})
        name: str = task["id"]
        return name

    def _cancel(self) -> None:
        while not self._ended.wait(0.2):
            with self._lock:
                due = [each for each in self._cancels if each[0] <= time.monotonic()]
            for each in due:
                # Until the API has said that it knows.
                with suppress(*AWAY):
                    answer = self.user.request("POST", f"/v1/tasks/{each[1]}/cancel")
                    if answer.status in {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}:
                        with self._lock:
                            self._cancels.remove(each)

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            with suppress(*AWAY):
                before = self.unfinished()
                self._saw(listed := self._listed("queued") + self._listed("running"))
                for task in before - {task["id"] for task in listed}:
                    self._saw([self.user.task(task)])

    def _listed(self, status: str) -> list[Any]:
        found: list[Any] = []
        page = {"has_more": True, "next_cursor": None}
        while page["has_more"]:
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""
            page = self.user.call("GET", f"/v1/tasks?limit=100&status={status}{cursor}")
            found += page["data"]
        return found

    def _saw(self, tasks: Iterable[Any]) -> None:
        self.histories.saw((task["id"], task["status"]) for task in tasks)


def probe(user: Client, photograph: bytes, patience: float) -> float | None:
    """Return after how long a fresh task has succeeded; None where none has in time."""
    started = time.monotonic()
    task: str | None = None
    while (waited := time.monotonic() - started) < patience:
        with suppress(*AWAY):
            if task is None:
                task = user.submit(photograph, PROBE)["id"]
            if user.task(task)["status"] == "succeeded":
                return time.monotonic() - started
        time.sleep(min(0.2, patience - waited))
    return None
