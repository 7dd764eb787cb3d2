"""How the API server is reached: the same way for kopf and for the operator's own requests.

kopf would import the whole Kubernetes client for this, which costs more than a second of each
start; the service account's files, or a kubeconfig without a login program, say all there is.
"""

import os
import time
from dataclasses import replace
from typing import Final

import kopf

_HOST: Final = "KUBERNETES_SERVICE_HOST"
_PORT: Final = "KUBERNETES_SERVICE_PORT"
_FRESH_SECONDS: Final = 60


def connection() -> kopf.ConnectionInfo:
    """Return where the API server is and with what credentials.

    In a pod that is the service account, else the kubeconfig.
    """
    settings = kopf.OperatorSettings()
    inside = kopf.login_with_service_account(settings=settings)
    if inside is not None:
        # By address, so that nothing depends on the cluster's DNS.
        host, port = os.environ.get(_HOST), os.environ.get(_PORT)
        if not host:
            return inside
        host = f"[{host}]" if ":" in host else host
        return replace(inside, server=f"https://{host}:{port}")
    outside = kopf.login_with_kubeconfig(settings=settings)
    if outside is None:
        raise kopf.LoginError("Neither a service account nor a kubeconfig was found.")
    return outside


class Credentials:
    """The headers that authorise a request; read again each minute, for token files rotate."""

    def __init__(self, first: kopf.ConnectionInfo) -> None:
        self._headers = first.as_http_headers()
        self._read_at = time.monotonic()

    def headers(self) -> dict[str, str]:
        """Return headers that are at most a minute old."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            self._headers = connection().as_http_headers()
            self._read_at = time.monotonic()
        return self._headers
