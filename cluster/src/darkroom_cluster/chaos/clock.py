"""A wrong clock for a pod: Debian's libfaketime, mounted and preloaded, so that nobody is patched.

Only what asks for the time of day is deceived; clocks that measure durations go right, as they do
on a machine whose clock is set wrong.
"""

import copy
import time
from pathlib import Path
from typing import Any, Final

from darkroom_cluster.cluster import ClusterError
from darkroom_cluster.release import Release

NAME: Final = "chaos-clock"
LIBRARY: Final = "libfaketimeMT.so.1"
_ACCURACY: Final = 10.0


def library() -> Path | None:
    """Return the library of this machine, if it has it."""
    return next(iter(sorted(Path("/usr/lib").glob(f"*/faketime/{LIBRARY}"))), None)


def bring(release: Release) -> None:
    """Put the library into the cluster, unless it is there."""
    if release.kubectl("get", "configmap", NAME, "--ignore-not-found", "-o", "name"):
        return
    if (file := library()) is None:
        raise ClusterError("apt-get install libfaketime: without it no clock can be wrong")
    release.kubectl("create", "configmap", NAME, f"--from-file={LIBRARY}={file}")


def with_wrong_clock(template: dict[str, Any], offset: int) -> dict[str, Any]:
    """Return a pod's template whose first container's clock is wrong by so many seconds."""
    changed = copy.deepcopy(template)
    container = changed["spec"]["containers"][0]
    container["env"] = [
        *container.get("env", []),
        {"name": "LD_PRELOAD", "value": f"/clock/{LIBRARY}"},
        {"name": "FAKETIME", "value": f"{offset:+d}"},
        {"name": "DONT_FAKE_MONOTONIC", "value": "1"},
    ]
    container["volumeMounts"] = [
        *container.get("volumeMounts", []),
        {"name": "clock", "mountPath": "/clock"},
    ]
    changed["spec"]["volumes"] = [
        *changed["spec"].get("volumes", []),
        {"name": "clock", "configMap": {"name": NAME}},
    ]
    return changed


def check(release: Release, offset: int) -> None:
    """See by the container's own eyes that its clock is wrong, or say that it is not."""
    asked = ("python3", "-c", "import time; print(time.time())")
    said = release.kubectl("exec", "deployment/darkroom-operator", "--", *asked)
    if abs(float(said) - time.time() - offset) > _ACCURACY:
        raise ClusterError(f"the operator's clock is wrong by {float(said) - time.time():.0f} s")
