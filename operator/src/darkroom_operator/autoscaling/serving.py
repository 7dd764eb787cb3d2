"""Keeps the serving certificate: in a Secret for all replicas, and in the APIService's caBundle.

The Secret's ca.crt holds the certificate and those that it replaced, as long as they are valid: a
replica that still serves the last one is trusted until it has read the new one.
"""

import logging
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Final

from darkroom_core import names

from darkroom_operator.autoscaling.certificate import Pair, is_good, issue, still_trusted
from darkroom_operator.autoscaling.metric import API_SERVICE
from darkroom_operator.autoscaling.objects import Objects, Raw
from darkroom_operator.autoscaling.settings import AutoscalingSettings
from darkroom_operator.errors import ClusterError

_LOG: Final = logging.getLogger(__name__)

API_SERVICE_PATH: Final = f"/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}"
_TRIES: Final = 5


class Serving:
    """The certificate of one release's metrics API."""

    def __init__(
        self,
        objects: Objects,
        settings: AutoscalingSettings,
        namespace: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._objects = objects
        self._settings = settings
        self._namespace = namespace
        self._clock = clock
        self._hosts = [f"{settings.service}.{namespace}.svc"]
        self._secrets = f"/api/v1/namespaces/{namespace}/secrets"
        self._secret = f"{self._secrets}/{settings.secret}"

    async def pair(self) -> Pair:
        """Return the pair to serve, made or renewed where that is due, and have it trusted."""
        for _ in range(_TRIES):
            secret = await self._objects.get(self._secret)
            if secret is None:
                await self._objects.create(self._secrets, self._new_secret())
            elif is_good(pair := _pair(secret), self._hosts, self._clock()):
                await self._have_it_trusted(secret)
                return pair
            else:
                await self._objects.patch(self._secret, self._renewal(secret))
            # Whether it was we who wrote or another replica: what counts is what is there now.
        raise ClusterError(f"Secret {self._settings.secret} was changed by others all the time")

    def _new_secret(self) -> Raw:
        _LOG.info("making a certificate for %s", self._hosts[0])
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {
                "name": self._settings.secret,
                "labels": {names.MANAGED_BY_LABEL: names.OPERATOR},
            },
            "data": self._data(b""),
        }

    def _renewal(self, secret: Raw) -> Raw:
        _LOG.info("renewing the certificate for %s", self._hosts[0])
        return {
            # Of two replicas that renew at once, one is refused.
            "metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]},
            "data": self._data(_field(secret, "ca.crt")),
        }

    def _data(self, trusted: bytes) -> dict[str, str]:
        now = self._clock()
        pair = issue(self._hosts, now)
        bundle = b"".join([pair.certificate, *still_trusted(trusted, now)])
        data = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": bundle}
        return {name: b64encode(value).decode() for name, value in data.items()}

    async def _have_it_trusted(self, secret: Raw) -> None:
        service = await self._objects.get(API_SERVICE_PATH)
        if service is None:
            raise ClusterError(f"there is no APIService {API_SERVICE}")
        owner = service["spec"].get("service") or {}
        if (owner.get("namespace"), owner.get("name")) != (self._namespace, self._settings.service):
            raise ClusterError(
                f"APIService {API_SERVICE} belongs to service {owner.get('name')} in "
                f"{owner.get('namespace')}: a cluster has one API of external metrics"
            )
        bundle = secret["data"].get("ca.crt") or secret["data"]["tls.crt"]
        if service["spec"].get("caBundle") != bundle:
            await self._objects.patch(API_SERVICE_PATH, {"spec": {"caBundle": bundle}})


def _pair(secret: Raw) -> Pair:
    return Pair(_field(secret, "tls.crt"), _field(secret, "tls.key"))


def _field(secret: Raw, name: str) -> bytes:
    try:
        return b64decode(secret.get("data", {}).get(name, ""))
    except ValueError:
        return b""
