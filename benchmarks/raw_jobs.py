"""The baseline: the same pod as a plain Kubernetes Job, from creation until Complete is seen."""

import copy
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from kubernetes import client

LABEL: Final = "darkroom.dev/benchmark"
_TIMEOUT_SECONDS: Final = 300


class RawJobs:
    """Makes Jobs from one template, and sees them end by a watch."""

    def __init__(self, namespace: str, template: dict[str, Any]) -> None:
        self._batch: Any = client.BatchV1Api()
        self._namespace = namespace
        self._spec = plain(template)
        self._count = 0

    def run(self, count: int, *, threads: int) -> list[float]:
        """Run `count` Jobs at once; return when each was seen Complete, in seconds."""
        names = [f"raw-{time.time_ns():x}-{self._count + i}" for i in range(count)]
        self._count += count
        ended: dict[str, float] = {}
        failed: list[str] = []
        all_ended, watching = threading.Event(), threading.Event()
        started = time.monotonic()

        def watch() -> None:
            for name, conditions in self._events(watching):
                if name in names and "Failed" in conditions:
                    failed.append(name)
                    all_ended.set()
                    return
                if name in names and "Complete" in conditions:
                    ended.setdefault(name, time.monotonic() - started)
                if len(ended) == count:
                    all_ended.set()
                    return

        threading.Thread(target=watch, daemon=True).start()
        watching.wait(_TIMEOUT_SECONDS)
        started = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self._create, names))
        if not all_ended.wait(_TIMEOUT_SECONDS) or failed:
            msg = f"only {len(ended)} of {count} raw Jobs were Complete; failed: {failed}"
            raise TimeoutError(msg)
        return sorted(ended.values())

    def clear(self) -> None:
        """Delete all raw Jobs and their pods."""
        self._batch.delete_collection_namespaced_job(
            self._namespace,
            label_selector=LABEL,
            propagation_policy="Background",
            _preload_content=False,
        )

    def _create(self, name: str) -> None:
        body = {
            "metadata": {"name": name, "labels": {LABEL: "raw"}},
            "spec": copy.deepcopy(self._spec),
        }
        self._batch.create_namespaced_job(self._namespace, body, _preload_content=False)

    def _events(self, watching: threading.Event) -> Iterator[tuple[str, set[str]]]:
        """Watch lines are read raw: making models of them would burden the baseline."""
        response = self._batch.list_namespaced_job(
            self._namespace,
            label_selector=LABEL,
            watch=True,
            timeout_seconds=_TIMEOUT_SECONDS,
            _preload_content=False,
        )
        watching.set()
        rest = b""
        for chunk in response.stream(amt=None, decode_content=False):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                job = json.loads(line)["object"]
                conditions = job.get("status", {}).get("conditions", [])
                yield job["metadata"]["name"], {c["type"] for c in conditions}


def plain(template: dict[str, Any]) -> dict[str, Any]:
    """Return a Job's spec without what ties it to the Job it was read from."""
    spec = copy.deepcopy(template)
    for field in ("selector", "suspend", "managedBy"):
        spec.pop(field, None)
    spec["template"]["metadata"] = {"labels": {LABEL: "raw"}}
    return spec
