"""`make test`: prepare a cluster, run every test there is, take the cluster away again.

The end-to-end tests of faults stop Postgres, the operator and the node for others, so they run by
themselves at the end; everything else runs side by side. What rights were used can be said when
all of it is over.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from darkroom_cluster.cluster import ClusterError
from darkroom_cluster.providers import ensure, stop
from darkroom_cluster.rehearsal import install_for_tests

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".darkroom/test"
FAULTS = "tests/e2e/test_faults.py"
RIGHTS = "tests/e2e/test_rights.py"


def main() -> int:
    """Return 0 when every test passed."""
    parser = argparse.ArgumentParser(prog="make test", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the cluster for the next run")
    parser.add_argument("--only", metavar="PATH", help="run these tests alone")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        cluster = ensure("test", STATE)
        install_for_tests(ROOT, cluster, STATE)
        prepared = time.monotonic()
        failed = [name for name, arguments in _runs(options.only) if not _passes(name, arguments)]
    except (ClusterError, TimeoutError) as error:
        print(f"make test: {error}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            stop("test", STATE)
    ended = time.monotonic()
    print(f"Cluster and images: {prepared - started:.0f} s. Tests: {ended - prepared:.0f} s.")
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return 1 if failed else 0


def _runs(only: str | None) -> list[tuple[str, list[str]]]:
    if only:
        return [(only, ["-vv", only])]
    # loadfile: the tests of one file share what their fixtures started.
    apart = [f"--ignore={FAULTS}", f"--ignore={RIGHTS}"]
    parallel = ["-n", "3", "--dist", "loadfile", *apart, "tests"]
    return [("all but faults", parallel), ("faults", [FAULTS]), ("rights", [RIGHTS])]


def _passes(name: str, arguments: list[str]) -> bool:
    print(f"\n== {name}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "--durations=10", *arguments]
    environment = {**os.environ, "DARKROOM_TEST_PREPARED": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
