"""Makes the Secret that an installation lives on, once.

Helm would make another at every render.
"""

import asyncio
import base64
import secrets
import sys
from typing import Final

from darkroom_core import names
from kubernetes.aio.client import ApiClient, CoreV1Api, V1ObjectMeta, V1Secret
from kubernetes.aio.client.exceptions import ApiException

from darkroom_api.errors import CommandError
from darkroom_api.kubeconfig import find_cluster

ADMIN_EMAIL: Final = "admin@darkroom.internal"
_TIMEOUT_SECONDS: Final = 10.0
_EXISTS: Final = 409


def secret_values() -> dict[str, str]:
    """Return new values for every key of the Secret."""
    return {
        "jwt-key": secrets.token_urlsafe(48),
        "signing-key": secrets.token_urlsafe(48),
        "postgres-password": secrets.token_urlsafe(32),
        "admin-email": ADMIN_EMAIL,
        "admin-password": secrets.token_urlsafe(18),
    }


def bootstrap(*, secret_name: str, namespace: str) -> int:
    """Create the Secret, or find that it exists and leave it alone."""
    is_new = asyncio.run(_create(secret_name, namespace))
    what = "is made" if is_new else "exists already, and was left as it is"
    sys.stdout.write(f"the Secret {secret_name} in {namespace} {what}\n")
    return 0


async def _create(secret_name: str, namespace: str) -> bool:
    body = V1Secret(
        metadata=V1ObjectMeta(
            name=secret_name,
            labels={names.NAME_LABEL: "darkroom", names.MANAGED_BY_LABEL: "darkroom-bootstrap"},
        ),
        type="Opaque",
        data={
            key: base64.b64encode(value.encode()).decode() for key, value in secret_values().items()
        },
    )
    async with ApiClient(await find_cluster()) as client:
        try:
            await CoreV1Api(client).create_namespaced_secret(
                namespace, body, _request_timeout=_TIMEOUT_SECONDS
            )
        except ApiException as error:
            if error.status == _EXISTS:
                return False
            raise CommandError(
                f"the Secret {secret_name} could not be made: {error.status} {error.reason}"
            ) from error
        except (OSError, TimeoutError) as error:
            raise CommandError(f"Kubernetes does not answer: {error}") from error
    return True
