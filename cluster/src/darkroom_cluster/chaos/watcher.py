"""Looks at the cluster every few seconds while things break: what may never be seen, even once."""

import http.client
import threading
from contextlib import suppress
from typing import Final

from darkroom_cluster.api import ApiError
from darkroom_cluster.chaos import evidence, invariants
from darkroom_cluster.chaos.facts import Broken
from darkroom_cluster.chaos.histories import Histories
from darkroom_cluster.release import Release

PERIOD: Final = 4.0


class Watcher:
    """Two pods of one task at once, a name with two resources, an end that changes."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._histories = Histories()
        self._names: dict[str, str] = {}
        self._seen: dict[str, Broken] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> list[Broken]:
        """Stop, and say what was seen."""
        self._ended.set()
        self._thread.join(timeout=60)
        return [*self._seen.values(), *invariants.ended_twice(self._histories.all(), ())]

    def _run(self) -> None:
        while not self._ended.wait(PERIOD):
            # The API server is one of the things that break.
            with suppress(OSError, http.client.HTTPException, ApiError, ValueError):
                self.look()

    def look(self) -> None:
        """Look once."""
        resources, children = evidence.in_the_cluster(
            self._release.cluster.kubeconfig, self._release.namespace
        )
        for resource in resources:
            before = self._names.setdefault(resource.name, resource.uid)
            if before != resource.uid:
                what = f"{resource.name} was made twice"
                self._seen[what] = Broken("duplicated", what, resource.name)
        self._histories.saw((resource.name, resource.state) for resource in resources)
        by_uid = {uid: name for name, uid in self._names.items()}
        for each in invariants.overlapping(children, by_uid):
            self._seen[each.what] = each
