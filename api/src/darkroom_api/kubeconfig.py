"""The way to Kubernetes: as the pod's service account, or as kubectl would."""

import os

from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from darkroom_api.errors import CommandError


async def find_cluster() -> Configuration:
    """Return where the API server is and who we are there, or raise CommandError."""
    configuration = Configuration()
    try:
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            # By itself the client looks at KUBECONFIG when it is imported.
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                os.environ.get("KUBECONFIG"), client_configuration=configuration
            )
    except (config.ConfigException, OSError) as error:
        raise CommandError(f"there is no way to Kubernetes: {error}") from error
    return configuration
