"""What the release may do is what it did: by the API server's own log of the whole run.

The last part of `make test`. A right that nothing used is taken away, or is here with the situation
that needs it and that no test makes; a call that was refused is a right that is missing.
"""

import os
import subprocess

import pytest
import yaml
from darkroom_cluster import audit
from darkroom_cluster.audit import Right
from darkroom_cluster.binary import helm_path
from darkroom_cluster.release import NAMESPACE, RELEASE, Release

_APPLY = "asked where apply makes an object; the call itself is a patch"
_OWNERS = "asked for owner references where OwnerReferencesPermissionEnforcement is on"

# Needed where no test is, or asked by the API server within another call; each with the reason.
ELSEWHERE = {
    ("darkroom-api", Right("darkroom.dev", "processingtasks", "get")): (
        "to know whose a task is that has the name already, after an answer was lost"
    ),
    ("darkroom-operator", Right("", "secrets", "patch")): "a certificate that is renewed",
    ("darkroom-operator", Right("darkroom.dev", "processingtasks/finalizers", "update")): _OWNERS,
    ("darkroom-operator", Right("darkroom.dev", "processingschedules/finalizers", "update")): (
        _OWNERS
    ),
    ("darkroom-pool", Right("darkroom.dev", "processorpools", "create")): _APPLY,
    ("darkroom-recipes", Right("darkroom.dev", "processingrecipes", "create")): _APPLY,
    ("darkroom-retention", Right("darkroom.dev", "processingschedules", "create")): _APPLY,
}


# Refused because a test has taken the right away for a while.
ON_PURPOSE = {("darkroom-api", Right("darkroom.dev", "processingtasks", "create"), NAMESPACE)}


@pytest.fixture(scope="module")
def made(release: Release) -> list[audit.Call]:
    """Return every call of the release's accounts."""
    log = release.cluster.kubeconfig.parent / "logs/audit.log"
    if not log.exists():
        pytest.fail(f"{log} is not there: this needs a node of our own, whose API server writes it")
    with log.open() as lines:
        return list(audit.calls(lines))


@pytest.fixture(scope="module")
def granted(release: Release) -> dict[str, set[Right]]:
    """Return what the installed release grants, by account."""
    done = subprocess.run(
        [str(helm_path()), "get", "manifest", RELEASE, "--namespace", release.namespace],
        env={**os.environ, "KUBECONFIG": str(release.cluster.kubeconfig)},
        capture_output=True,
        text=True,
        check=True,
    )
    return audit.granted([document for document in yaml.safe_load_all(done.stdout) if document])


def name(user: str) -> str:
    return user.removeprefix(audit.user(NAMESPACE, ""))


def test_no_right_is_granted_that_nothing_used(
    granted: dict[str, set[Right]], made: list[audit.Call]
) -> None:
    unused = {(name(user), right) for user, right in audit.unused(granted, made)}
    assert sorted(unused - ELSEWHERE.keys()) == []


def test_no_call_was_refused_but_on_purpose(made: list[audit.Call]) -> None:
    refused = {(name(call.user), call.right, call.namespace) for call in audit.refused(made)}
    assert sorted(refused - ON_PURPOSE) == []


def test_processors_asked_nothing(made: list[audit.Call]) -> None:
    assert [call for call in made if name(call.user) == "default"] == []
