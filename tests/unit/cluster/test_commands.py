import sys
from pathlib import Path

import pytest
from darkroom_cluster import commands
from darkroom_cluster.cluster import ClusterError


def test_a_failure_tells_what_the_program_said() -> None:
    with pytest.raises(ClusterError, match="no such luck"):
        commands.run([sys.executable, "-c", "raise SystemExit('no such luck')"])


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(ClusterError, match="no-such-program cannot be run: No such file"):
        commands.run(["no-such-program"])


def test_a_failure_with_a_log_names_the_log(tmp_path: Path) -> None:
    log = tmp_path / "it.log"

    with pytest.raises(ClusterError, match=str(log)):
        commands.logged([sys.executable, "-c", "raise SystemExit('no such luck')"], log)

    assert log.read_text() == "no such luck\n"
