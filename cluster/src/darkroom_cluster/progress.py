"""Shows that a long step moves, and where to look when it fails."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LAST_LINES = 15


@contextmanager
def step(what: str, *, log: Path | None = None) -> Iterator[None]:
    """Say what is being done and for how long, then that it is done or where its log is."""
    started = time.monotonic()
    finished = threading.Event()
    ticker = threading.Thread(target=_tick, args=(what, started, finished), daemon=True)
    ticker.start()
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    except Exception:
        if log is not None and log.exists():
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            outcome = "\n".join([*lines, f"{what}: the log is {log}", "failed after"])
        raise
    finally:
        finished.set()
        ticker.join()
        _print_end(what, outcome, time.monotonic() - started)


def _tick(what: str, started: float, finished: threading.Event) -> None:
    on_terminal = sys.stderr.isatty()
    if on_terminal:
        print(f"{what} ...", end="", flush=True, file=sys.stderr)
    while not finished.wait(1 if on_terminal else 15):
        elapsed = f"{what} ... {time.monotonic() - started:.0f}s"
        if on_terminal:
            print(f"\r{elapsed}", end="", flush=True, file=sys.stderr)
        else:
            print(elapsed, flush=True, file=sys.stderr)


def _print_end(what: str, outcome: str, seconds: float) -> None:
    start_of_line = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{start_of_line}{what}: {outcome} {seconds:.1f}s", flush=True, file=sys.stderr)
