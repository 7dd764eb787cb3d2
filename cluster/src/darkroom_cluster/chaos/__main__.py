"""`make chaos`: about 15 minutes on a cluster of its own; exit code 1 where anything is broken."""

import argparse
import json
import os
import secrets
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from darkroom_cluster.chaos import evidence, invariants, sources, table
from darkroom_cluster.chaos.facts import Broken, Evidence
from darkroom_cluster.chaos.faults import NOTHING, Fault, Target, all_faults
from darkroom_cluster.chaos.load import Load, probe
from darkroom_cluster.chaos.table import Made
from darkroom_cluster.chaos.watcher import Watcher
from darkroom_cluster.client import Client
from darkroom_cluster.cluster import ClusterError
from darkroom_cluster.node import Node
from darkroom_cluster.progress import step
from darkroom_cluster.providers import ensure, stop
from darkroom_cluster.rehearsal import VALUES
from darkroom_cluster.release import Release, build_images, install

NAME: Final = "chaos"
STATE: Final = Path(".darkroom/chaos")
REPORT: Final = Path(".darkroom/chaos.json")
PHOTOGRAPH: Final = "samples/earth.jpg"
# The token outlives the run; so few run at once that two cores have room for what is recovering.
SETTINGS: Final = (
    *VALUES,
    "api.accessTokenSeconds=7200",
    "operator.replicas=2",
    # The tests' autoscaler gives a hundred places, more than the node takes pods.
    "autoscaling.enabled=false",
    "pool.replicas=32",
)
DRAIN_REPLICAS: Final = 60
PATIENCE, DRAIN, SETTLE, WARM_UP = 120.0, 420.0, 90.0, 90.0


def main() -> int:
    """Prepare, break, check; return 0 where everything held."""
    options = _options()
    root = Path.cwd()
    # However it is ended, the cluster is taken away.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    # Faults are made on a node of our own only, also where another cluster is to be had.
    os.environ["CLUSTER"] = "node"
    try:
        cluster = ensure(NAME, STATE)
        images = build_images(root, cluster)
        release = install(root, cluster, images, STATE / "install.log", values=SETTINGS)
        target = Target(Node(NAME, STATE), release)
        address = sources.serve(release, PHOTOGRAPH, images["processor"])
        return _run(target, address, _chosen(options.only), options.in_flight, options.rate)
    except (ClusterError, TimeoutError) as error:
        print(f"make chaos: {error}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            stop(NAME, STATE)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--in-flight", type=int, default=200, help="tasks in flight (200)")
    parser.add_argument("--rate", type=float, default=4, help="most tasks sent in a second (4)")
    parser.add_argument("--only", default="", help="only faults with this in their name")
    parser.add_argument("--keep", action="store_true", help="leave the cluster for the next run")
    return parser.parse_args()


def _chosen(part: str) -> list[Fault]:
    return [fault for fault in all_faults() if part in fault.name]


def _run(target: Target, address: str, faults: Sequence[Fault], in_flight: int, rate: float) -> int:
    user = _user(target.release)
    load = Load(user, address, Path(PHOTOGRAPH).read_bytes(), in_flight, rate)
    watcher = Watcher(target.release)
    load.start()
    watcher.start()
    try:
        _warm_up(load)
        made = [_make(NOTHING, target, load, user)]
        if made[0].recovered is None:
            raise ClusterError("no task succeeds although nothing is broken yet")
        made += [_make(fault, target, load, user) for fault in faults]
        load.stop_sending()
        # Most of what is left only waits for its source.
        target.release.kubectl("scale", "processorpool/default", f"--replicas={DRAIN_REPLICAS}")
        _drain(load)
        found, last = _settled(target.release, load)
    finally:
        load.end()
        seen = watcher.end()
    return _report(load, made, [*found, *seen], last)


def _user(release: Release) -> Client:
    anonymous = Client(release.cluster.url)
    email, password = f"{uuid.uuid4().hex}@example.com", secrets.token_urlsafe(16)
    anonymous.register(email, password)
    return anonymous.login(email, password)


def _warm_up(load: Load) -> None:
    with step(f"Bringing {load.in_flight} tasks into flight"):
        end = time.monotonic() + WARM_UP
        while len(load.unfinished()) < load.in_flight * 0.95 and time.monotonic() < end:
            time.sleep(1)


def _make(fault: Fault, target: Target, load: Load, user: Client) -> Made:
    """Make the fault, wait until a fresh task succeeds, and say so in a line."""
    before = load.unfinished()
    started, problem = time.monotonic(), ""
    try:
        fault.make(target)
    except (ClusterError, OSError) as error:
        problem = f"not made: {error}"
    lasted = time.monotonic() - started
    recovered = probe(user, load.photograph, PATIENCE)
    made = Made(fault.name, before | load.unfinished(), lasted, recovered, problem)
    well = "never well again" if recovered is None else f"well after {recovered:.1f} s"
    print(
        f"{fault.name}: {len(made.in_flight)} tasks in flight, {problem or well}",
        flush=True,
    )
    return made


def _drain(load: Load) -> None:
    with step("Waiting for the tasks in flight"):
        end = time.monotonic() + DRAIN
        while load.unfinished() and time.monotonic() < end:
            time.sleep(1)


def _settled(release: Release, load: Load) -> tuple[list[Broken], Evidence]:
    """Look until nothing is broken, or for as long as tidying up may take."""
    with step("Checking what is left"):
        end = time.monotonic() + SETTLE
        while True:
            last = evidence.gather(release)
            found = invariants.broken(load.sent, load.histories.all(), last)
            if not found or time.monotonic() > end:
                return found, last
            time.sleep(5)


def _report(load: Load, made: Sequence[Made], broken: Sequence[Broken], last: Evidence) -> int:
    lines = table.rows(made, broken)
    never = [fault.name for fault in made if fault.recovered is None or fault.problem]
    document = {
        "faults": lines,
        "accepted": len(load.sent),
        "unanswered": load.unanswered,
        "rows": len(last.rows),
        "objects": len(last.stored),
        "broken": [asdict(each) for each in broken],
    }
    REPORT.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\n{table.text(lines)}\n")
    print(
        f"{len(load.sent)} tasks accepted, {load.unanswered} requests refused or unanswered, "
        f"{len(last.rows)} rows and {len(last.stored)} objects checked: "
        f"{len(broken)} broken. Written to {REPORT}."
    )
    for each in broken:
        print(f"{each.how}: {each.what}", file=sys.stderr)
    return 1 if broken or never else 0


if __name__ == "__main__":
    raise SystemExit(main())
