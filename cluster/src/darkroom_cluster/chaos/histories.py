"""Every state that each task was seen in, in order, by one who looks."""

import threading
from collections.abc import Iterable, Mapping

from darkroom_cluster.client import FINAL_STATES


class Histories:
    """Grows from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, list[str]] = {}

    def saw(self, seen: Iterable[tuple[str, str]]) -> None:
        """Tasks were seen in states; only changes are kept."""
        with self._lock:
            for task, state in seen:
                states = self._states.setdefault(task, [])
                if states[-1:] != [state]:
                    states.append(state)

    def unfinished(self, tasks: Iterable[str]) -> frozenset[str]:
        """Return those of the tasks that were not yet seen ended."""
        with self._lock:
            return frozenset(
                task for task in tasks if self._states.get(task, ["unseen"])[-1] not in FINAL_STATES
            )

    def all(self) -> Mapping[str, tuple[str, ...]]:
        """Return what was seen so far."""
        with self._lock:
            return {task: tuple(states) for task, states in self._states.items()}
