"""Shows that long steps move, also several at once, and where to look when one fails."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LAST_LINES = 15
_running: dict[object, tuple[str, float]] = {}
_lock = threading.Lock()


@contextmanager
def step(what: str, *, log: Path | None = None) -> Iterator[None]:
    """Say what is being done and for how long, then that it is done or where its log is."""
    itself, started, finished = object(), time.monotonic(), threading.Event()
    with _lock:
        _running[itself] = (what, started)
    ticker = threading.Thread(target=_tick, args=(what, started, finished), daemon=True)
    ticker.start()
    outcome = "stopped after"
    try:
        yield
        outcome = "done in"
    except Exception:
        outcome = "failed after"
        if log is not None and log.exists():
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            outcome = "\n".join([*lines, f"{what}: the log is {log}", outcome])
        raise
    finally:
        finished.set()
        ticker.join()
        with _lock:
            del _running[itself]
            _print_end(what, outcome, time.monotonic() - started)


def line(running: list[tuple[str, float]], now: float, width: int) -> str:
    """Return one line of a terminal that tells of all the running steps."""
    share = max(width // max(len(running), 1) - 12, 8)
    told = [f"{what[:share]} ... {now - started:.0f}s" for what, started in running]
    return " | ".join(told)[: width - 1]


def _tick(what: str, started: float, finished: threading.Event) -> None:
    on_terminal = sys.stderr.isatty()
    if on_terminal:
        _show()
    while not finished.wait(1 if on_terminal else 15):
        if on_terminal:
            _show()
        else:
            elapsed = time.monotonic() - started
            print(f"{what} ... {elapsed:.0f}s", flush=True, file=sys.stderr)


def _show() -> None:
    with _lock:
        width = shutil.get_terminal_size().columns
        told = line(list(_running.values()), time.monotonic(), width)
        print(f"\r\033[K{told}", end="", flush=True, file=sys.stderr)


def _print_end(what: str, outcome: str, seconds: float) -> None:
    start_of_line = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{start_of_line}{what}: {outcome} {seconds:.1f}s", flush=True, file=sys.stderr)
