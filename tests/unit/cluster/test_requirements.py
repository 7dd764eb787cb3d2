from pathlib import Path

import pytest
from darkroom_cluster import requirements
from darkroom_cluster.cluster import ClusterError
from darkroom_cluster.requirements import Requirement


def test_what_is_missing_is_said_with_how_to_get_it() -> None:
    requirement = Requirement("nft", "routes to Services", "nftables")

    assert requirement.sentence() == (
        "nft is missing, which routes to Services: install the package nftables "
        "(apt-get install nftables)."
    )


def test_a_file_and_a_program_are_found_or_not(tmp_path: Path) -> None:
    present = tmp_path / "present"
    present.touch()

    assert Requirement(str(present), "", "").met()
    assert not Requirement(str(tmp_path / "absent"), "", "").met()
    assert Requirement("sh", "", "").met()
    assert not Requirement("no-such-program", "", "").met()


def test_without_root_the_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    reason = requirements.impossible()

    assert reason is not None
    assert "root" in reason
    assert "CLUSTER=current" in reason


def test_all_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = [Requirement("a", "does this", "pa"), Requirement("b", "does that", "pb")]
    monkeypatch.setattr(requirements, "impossible", lambda: None)
    monkeypatch.setattr(requirements, "missing", lambda: lacking)
    monkeypatch.setattr(requirements, "_free", lambda: 10**12)
    monkeypatch.setattr("shutil.which", lambda _name: None)

    with pytest.raises(ClusterError) as raised:
        requirements.provide()

    assert str(raised.value).splitlines() == [each.sentence() for each in lacking]


def test_a_full_disk_is_said_with_a_way_out() -> None:
    sentence = requirements.cramped(2_500_000_000)

    assert sentence is not None
    assert "2.5 GB free" in sentence
    assert "XDG_CACHE_HOME" in sentence
    assert requirements.cramped(requirements.SPACE) is None


def test_a_failing_apt_get_ends_with_a_sentence_that_names_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = tmp_path / "apt-get"
    program.write_text("#!/bin/sh\necho 'E: no network'\nexit 100\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    lacking = [Requirement("no-such-program", "does this", "package")]
    monkeypatch.setattr(requirements, "impossible", lambda: None)
    monkeypatch.setattr(requirements, "missing", lambda: lacking)

    with pytest.raises(ClusterError, match=r"apt-get update failed: the log is .*apt-get\.log"):
        requirements.provide(spacious=True)
