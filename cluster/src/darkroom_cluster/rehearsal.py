"""Darkroom as the tests want it: the evaluation profile with a few settings that make haste."""

from pathlib import Path
from typing import Final

from darkroom_cluster.cluster import Cluster
from darkroom_cluster.release import Release, build_images, install

VALUES: Final = (
    # The tests' own web server is in the cluster, at an address that is not public.
    "processor.allowedSourceNetworks={10.0.0.0/8}",
    "operator.resyncSeconds=10",
    # All tests come from one address.
    "api.settings.limits.enabled=false",
    # The default pool has its autoscaler, with as many places as the profile's, so that no test
    # waits for another.
    "autoscaling.enabled=true",
    "autoscaling.minReplicas=100",
    "autoscaling.maxReplicas=100",
)


def install_for_tests(root: Path, cluster: Cluster, state: Path) -> Release:
    """Build, load and install; everything that is there already stays as it is."""
    state.mkdir(parents=True, exist_ok=True)
    log = state / "install.log"
    return install(root, cluster, build_images(root, cluster), log, values=VALUES)
