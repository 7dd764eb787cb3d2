import os
import subprocess
from pathlib import Path

from darkroom_cluster import cgroups
from darkroom_cluster.process import Process


def test_we_know_ourselves() -> None:
    me = Process.current()

    assert me.pid == os.getpid()
    assert me.alive()


def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    me = Process.current()

    assert not Process(me.pid, me.started - 1).alive()


def test_a_stranger_is_not_killed() -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        Process(stranger.pid, started=1).kill()

        assert stranger.poll() is None
        stranger.kill()


def test_control_group_hierarchies_of_both_versions_are_found(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
        "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    )

    assert cgroups.hierarchies(mounts) == [
        Path("/sys/fs/cgroup/memory"),
        Path("/sys/fs/cgroup/unified"),
    ]
