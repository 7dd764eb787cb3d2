"""What the suites share: one real cluster with Darkroom on it, for all tests that ask for it.

`make test` prepares the cluster before the tests and takes it away afterwards. A test run by hand
prepares it at first use and leaves it for the next run.
"""

import os
import re
from collections.abc import Callable
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
# A page whose first command reads the environment of `make up` is run as it stands.
BEGINNING = ". .darkroom/env\n"


def commands_of(page: Path) -> str:
    """Return a page's commands for a shell, in their order; nothing if it is not one to be run."""
    commands = "".join(
        re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    )
    return commands if commands.startswith(BEGINNING) else ""


HOWTOS = [page for page in sorted(ROOT.glob("docs/howto/*.md")) if commands_of(page)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for `howto` every page that is one to be run."""
    if "howto" in metafunc.fixturenames:
        metafunc.parametrize("howto", HOWTOS, ids=lambda page: page.stem)


@pytest.fixture
def commands() -> Callable[[Path], str]:
    """Return what reads a page's commands."""
    return commands_of


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
