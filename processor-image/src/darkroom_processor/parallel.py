"""Work side by side in a few threads: Pillow lets go of the interpreter while it works."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def each(work: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    """Return `work` of every item, in order; after a first error nothing more is begun.

    One item, or one thread, costs no thread at all.
    """
    if min(threads, len(items)) <= 1:
        return [work(item) for item in items]
    results: dict[int, R] = {}
    errors: list[BaseException] = []
    waiting = list(enumerate(items))[::-1]
    lock = threading.Lock()

    def run() -> None:
        while True:
            with lock:
                if errors or not waiting:
                    return
                index, item = waiting.pop()
            try:
                results[index] = work(item)
            except BaseException as error:  # noqa: BLE001  # raised again by the caller's thread
                errors.append(error)

    workers = [threading.Thread(target=run, daemon=True) for _ in range(min(threads, len(items)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(items))]
