"""Who may ask: kube-apiserver, as its own ConfigMap in kube-system says it can be known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from darkroom_operator.autoscaling.objects import Objects
from darkroom_operator.errors import ClusterError

CONFIG_MAP: Final = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
_AUTHORITY: Final = "requestheader-client-ca-file"
_NAMES: Final = "requestheader-allowed-names"


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """The authority of the proxy's certificate, as PEM, and the common names that it may have."""

    authority: str
    names: frozenset[str]

    def admits(self, certificate: Mapping[str, Any] | None) -> bool:
        """Whether a verified client certificate, as the ssl module shows it, is the proxy's.

        Without names any certificate of the authority is; so Kubernetes defines it.
        """
        if not certificate:
            return False
        return not self.names or bool(self.names & _common_names(certificate))


async def read_front_proxy(objects: Objects) -> FrontProxy:
    """Read who the proxy is; raises ClusterError where the cluster does not say."""
    data = ((await objects.get(CONFIG_MAP)) or {}).get("data", {})
    authority = data.get(_AUTHORITY, "")
    if not authority.strip():
        raise ClusterError(f"{_AUTHORITY} is not in {CONFIG_MAP}: is the aggregation layer on?")
    return FrontProxy(authority, frozenset(json.loads(data.get(_NAMES) or "[]")))


def _common_names(certificate: Mapping[str, Any]) -> set[str]:
    return {
        value
        for part in certificate.get("subject", ())
        for name, value in part
        if name == "commonName"
    }
