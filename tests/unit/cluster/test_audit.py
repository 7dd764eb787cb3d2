import json
from typing import Any

from darkroom_cluster.audit import Call, Right, calls, granted, refused, unused, user

OPERATOR = user("darkroom", "darkroom-operator")
LIST_TASKS = Right("darkroom.dev", "processingtasks", "list")
PATCH_STATUS = Right("darkroom.dev", "processingtasks/status", "patch")


def line(verb: str, about: dict[str, str] | None, decision: str = "allow") -> str:
    event: dict[str, Any] = {
        "verb": verb,
        "user": {"username": OPERATOR},
        "annotations": {"authorization.k8s.io/decision": decision},
    }
    return json.dumps(event | ({"objectRef": about} if about else {})) + "\n"


def test_a_subresource_is_a_right_of_its_own() -> None:
    about = {
        "apiGroup": "darkroom.dev",
        "resource": "processingtasks",
        "subresource": "status",
        "namespace": "darkroom",
    }

    assert list(calls([line("patch", about)])) == [
        Call(OPERATOR, PATCH_STATUS, "darkroom", allowed=True)
    ]


def test_a_core_resource_has_the_empty_group_as_in_a_role() -> None:
    [call] = calls([line("list", {"resource": "pods"})])

    assert call.right == Right("", "pods", "list")
    assert call.namespace == ""


def test_neither_paths_without_a_resource_nor_a_half_written_line_are_calls() -> None:
    assert not list(calls([line("get", None), line("list", {"resource": "pods"})[:30]]))


def test_a_call_is_refused_by_the_authorizer_alone() -> None:
    made = list(calls([line("get", {"resource": "secrets"}, "forbid")]))

    assert refused(made) == set(made)
    assert not refused(calls([line("get", {"resource": "secrets"})]))


def manifests(kind: str) -> list[dict[str, Any]]:
    rule = {
        "apiGroups": ["darkroom.dev"],
        "resources": ["processingtasks"],
        "verbs": ["list", "watch"],
    }
    return [
        {"kind": "Deployment", "metadata": {"name": "operator"}},
        {"kind": kind, "metadata": {"name": "operator"}, "rules": [rule]},
        {
            "kind": f"{kind}Binding",
            "metadata": {"name": "operator"},
            "roleRef": {"kind": kind, "name": "operator"},
            "subjects": [
                {"kind": "ServiceAccount", "name": "darkroom-operator", "namespace": "darkroom"}
            ],
        },
    ]


def test_rights_come_from_roles_and_from_cluster_roles() -> None:
    watch = Right("darkroom.dev", "processingtasks", "watch")

    assert granted(manifests("Role")) == {OPERATOR: {LIST_TASKS, watch}}
    assert granted(manifests("ClusterRole")) == granted(manifests("Role"))


def test_a_right_is_used_by_an_allowed_call_of_the_user_who_has_it() -> None:
    given = {OPERATOR: {LIST_TASKS}}
    api = user("darkroom", "darkroom-api")

    assert not unused(given, [Call(OPERATOR, LIST_TASKS, "darkroom", allowed=True)])
    assert unused(given, [Call(OPERATOR, LIST_TASKS, "", allowed=False)]) == {
        (OPERATOR, LIST_TASKS)
    }
    assert unused(given, [Call(api, LIST_TASKS, "darkroom", allowed=True)]) == {
        (OPERATOR, LIST_TASKS)
    }
