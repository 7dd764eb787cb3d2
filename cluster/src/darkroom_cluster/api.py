"""Speaks to an API server with a kubeconfig of ours: the few calls that making a cluster takes."""

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NOT_FOUND = 404
CONFLICT = 409
_ERRORS = 400


class ApiError(Exception):
    """The API server said no."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status


class Api:
    """One API server, as the user of the kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        """Read the kubeconfig, which is JSON because we wrote it."""
        config = json.loads(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server = urlsplit(cluster["server"]).netloc
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]))
            pem.write(base64.b64decode(user["client-key-data"]))
            pem.flush()
            self._tls.load_cert_chain(pem.name)

    def call(self, method: str, path: str, body: object = None) -> str:
        """Return what the server answers."""
        connection = http.client.HTTPSConnection(self._server, context=self._tls, timeout=5)
        with contextlib.closing(connection):
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode()
        if response.status >= _ERRORS:
            raise ApiError(response.status, text)
        return text

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON is what it is
        """Return the object or list at the path."""
        return json.loads(self.call("GET", path))

    def create(self, path: str, resource: object) -> None:
        """Create the resource unless it is there."""
        try:
            self.call("POST", path, resource)
        except ApiError as error:
            if error.status != CONFLICT:
                raise

    def delete(self, path: str) -> None:
        """Delete the object at the path if it is there."""
        try:
            self.call("DELETE", path)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise


def ready(kubeconfig: Path) -> bool:
    """Whether the API server says that it is ready."""
    try:
        return Api(kubeconfig).call("GET", "/readyz") == "ok"
    except (OSError, http.client.HTTPException, ApiError):
        return False
