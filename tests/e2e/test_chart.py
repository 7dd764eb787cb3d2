"""The chart against the real API server: every profile is taken, and `helm test` passes."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from darkroom_cluster.binary import helm_path, kubectl_path
from darkroom_cluster.release import RELEASE, Release

CHART = Path(__file__).parents[2] / "charts/darkroom"
FILES = {
    "evaluation": [],
    "kind": ["values-kind.yaml"],
    "production": ["values-production.yaml"],
    "openshift": ["values-production.yaml", "values-openshift.yaml"],
}
# The metrics API, the Kinds and the priorities are the cluster's, and the tests' release has them.
SHARED = "crds.enabled=false,autoscaling.enabled=false"


def run(
    release: Release, program: Path, *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments],
        env={**os.environ, "KUBECONFIG": str(release.cluster.kubeconfig)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def restricted(release: Release) -> Iterator[str]:
    """Return a namespace that takes no pod below the restricted standard."""
    name = f"dry-{uuid.uuid4().hex[:8]}"
    release.kubectl("create", "namespace", name)
    standard = "pod-security.kubernetes.io"
    release.kubectl(
        *("label", "namespace", name),
        *(f"{standard}/enforce=restricted", f"{standard}/warn=restricted"),
    )
    yield name
    release.kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("profile", FILES)
def test_the_api_server_takes_every_manifest_and_warns_of_no_pod(
    release: Release, restricted: str, profile: str
) -> None:
    files = [part for file in FILES[profile] for part in ("--values", str(CHART / file))]
    # A port of the node can be taken once.
    sets = f"{SHARED},networkPolicy.enabled=true,api.service.type=ClusterIP"
    rendered = run(
        *(release, helm_path(), "template", "dry", str(CHART), "--namespace", restricted),
        *(*files, "--set", sets),
    )
    assert rendered.returncode == 0, rendered.stderr
    taken = run(
        *(release, kubectl_path(), "-n", restricted, "apply", "--server-side"),
        *("--dry-run=server", "-f", "-"),
        given=rendered.stdout,
    )
    assert taken.returncode == 0, taken.stderr
    assert "would violate PodSecurity" not in taken.stderr
    assert "deployment.apps/dry-darkroom-api serverside-applied (server dry run)" in taken.stdout


def test_helm_test_sends_a_picture_through(release: Release) -> None:
    done = run(release, helm_path(), "test", RELEASE, "-n", release.namespace, "--timeout", "3m")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded" in done.stdout
