"""What the API server was asked by Darkroom's service accounts, beside what they may ask.

A node's API server writes each of their calls to a log. The rights that a chart grants are read
from its rendered manifests.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NAMESPACE: Final = "darkroom"
# Processors run under the namespace's own account, without its token: they should ask nothing.
ACCOUNTS: Final = (
    "darkroom-api",
    "darkroom-bootstrap",
    "darkroom-operator",
    "darkroom-pool",
    "darkroom-recipes",
    "darkroom-retention",
    "default",
)


@dataclass(frozen=True, order=True)
class Right:
    """A verb on a resource; a subresource is written as in a role, after a slash."""

    group: str
    resource: str
    verb: str


@dataclass(frozen=True)
class Call:
    """One request for a resource, as the API server's authorizer decided it."""

    user: str
    right: Right
    namespace: str
    """Empty where the call is for the whole cluster."""
    allowed: bool


def user(namespace: str, account: str) -> str:
    """Name a service account as the API server does."""
    return f"system:serviceaccount:{namespace}:{account}"


def policy() -> str:
    """Record the calls of Darkroom's accounts, without their bodies, and nothing else."""
    users = [user(NAMESPACE, account) for account in ACCOUNTS]
    rules = [{"level": "Metadata", "users": users}, {"level": "None"}]
    # A watch that still runs has no other stage than ResponseStarted, so that one is kept.
    content = {"omitStages": ["RequestReceived"], "rules": rules}
    return json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", **content}, indent=2)


def calls(log: Iterable[str]) -> Iterator[Call]:
    """Read the calls for resources from the lines of an audit log."""
    for line in log:
        # The API server may be writing the last line.
        if line.endswith("\n") and (about := (event := json.loads(line)).get("objectRef")):
            below = about.get("subresource")
            resource = f"{about['resource']}/{below}" if below else about["resource"]
            yield Call(
                event["user"]["username"],
                Right(about.get("apiGroup", ""), resource, event["verb"]),
                about.get("namespace", ""),
                event.get("annotations", {}).get("authorization.k8s.io/decision") == "allow",
            )


def granted(manifests: Sequence[Mapping[str, Any]]) -> dict[str, set[Right]]:
    """Return the rights that the roles and bindings among these manifests give to each user."""
    roles = {
        (manifest["kind"], manifest["metadata"]["name"]): _rights(manifest["rules"])
        for manifest in manifests
        if manifest["kind"] in {"Role", "ClusterRole"}
    }
    given: dict[str, set[Right]] = {}
    for manifest in manifests:
        if manifest["kind"] in {"RoleBinding", "ClusterRoleBinding"}:
            role = roles.get((manifest["roleRef"]["kind"], manifest["roleRef"]["name"]), set())
            for subject in manifest["subjects"]:
                if subject["kind"] == "ServiceAccount":
                    name = user(subject["namespace"], subject["name"])
                    given.setdefault(name, set()).update(role)
    return given


def unused(given: Mapping[str, set[Right]], made: Iterable[Call]) -> set[tuple[str, Right]]:
    """Return what was granted and never used."""
    used = {(call.user, call.right) for call in made if call.allowed}
    return {(name, right) for name, rights in given.items() for right in rights} - used


def refused(made: Iterable[Call]) -> set[Call]:
    """Return the calls that no role allowed."""
    return {call for call in made if not call.allowed}


def _rights(rules: Sequence[Mapping[str, Any]]) -> set[Right]:
    return {
        Right(group, resource, verb)
        for rule in rules
        for group in rule.get("apiGroups", [])
        for resource in rule.get("resources", [])
        for verb in rule["verbs"]
    }
