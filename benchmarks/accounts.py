"""Service accounts with every right: what speaks to the API server as a pod would.

Not the administrator of the kubeconfig: the API server verifies a certificate anew at each request,
which is a tenth of its work here, and lets that user pass by every queue.
"""

import json
from pathlib import Path
from typing import Final

from cluster_api import Api
from waiting import until

_BINDINGS: Final = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_LIFE_SECONDS: Final = 86_400


async def kubeconfig_for(api: Api, name: str, admin: Path) -> Path:
    """Make the account; write a kubeconfig with its token beside the administrator's."""
    accounts = f"/api/v1/namespaces/{api.namespace}/serviceaccounts"
    await api.call("POST", accounts, {"metadata": {"name": name}})
    binding = {
        "metadata": {"name": name},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": api.namespace}],
    }
    await api.call("POST", _BINDINGS, binding)
    request = {"spec": {"expirationSeconds": _LIFE_SECONDS}}
    answer = await api.call("POST", f"{accounts}/{name}/token", request)
    config = json.loads(admin.read_text())  # noqa: ASYNC240  # nothing else runs yet
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    path = admin.with_name(f"kubeconfig-{name}")
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


async def until_allowed(api: Api) -> None:
    """Wait until the API server knows what the account may do."""

    async def is_allowed() -> bool:
        everything = {"group": "*", "resource": "*", "verb": "*"}
        answer = await api.call("POST", _REVIEWS, {"spec": {"resourceAttributes": everything}})
        return bool(answer["status"]["allowed"])

    await until(is_allowed, "the rights of an account")
