"""What the suites share: one real cluster with Darkroom on it, for all tests that ask for it.

`make test` prepares the cluster before the tests and takes it away afterwards. A test run by hand
prepares it at first use and leaves it for the next run.
"""

import os
from pathlib import Path

import pytest
from darkroom_cluster.cluster import Cluster
from darkroom_cluster.providers import ensure
from darkroom_cluster.release import NAMESPACE, Release
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]
STATE = ROOT / ".darkroom/test"


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Return the test cluster, started where it is not running."""
    return ensure("test", STATE)


@pytest.fixture(scope="session")
def release(cluster: Cluster) -> Release:
    """Return Darkroom on the test cluster, installed where nobody did so before the run."""
    if "DARKROOM_TEST_PREPARED" not in os.environ:
        from darkroom_cluster.rehearsal import install_for_tests  # noqa: PLC0415

        return install_for_tests(ROOT, cluster, STATE)
    return Release(cluster, NAMESPACE)
