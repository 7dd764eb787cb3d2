"""Everything here is real: the cluster, Darkroom from its chart, and a web server for sources.

The web server (a pod) gives the sample photograph at once under /earth.jpg, and under
/slow/SECONDS/earth.jpg lets go of its last byte only after that many seconds, so that a task can
be met while it runs. Under /down it answers 503.
"""

import json
import os
import secrets
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from darkroom_cluster.binary import kubectl_path
from darkroom_cluster.client import Client, poll
from darkroom_cluster.release import Release

ROOT = Path(__file__).parents[2]
PHOTOGRAPH = ROOT / "samples/earth.jpg"
THUMB: dict[str, Any] = {
    "name": "thumb",
    "operations": [{"resize": {"width": 512, "height": 512, "fit": "cover"}}],
    "format": "webp",
}

SERVER = """
import http.server, pathlib, time
photograph = pathlib.Path("/sources/earth.jpg").read_bytes()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts[0] == "down":
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(photograph)))
        self.end_headers()
        self.wfile.write(photograph[:-1])
        self.wfile.flush()
        if parts[0] == "slow":
            time.sleep(float(parts[1]))
        self.wfile.write(photograph[-1:])
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""


@pytest.fixture(scope="session")
def anonymous(release: Release) -> Client:
    return Client(release.cluster.url)


@pytest.fixture
def user(anonymous: Client) -> Client:
    """Return a user nobody else uses."""
    return new_user(anonymous)


@pytest.fixture
def other_user(anonymous: Client) -> Client:
    return new_user(anonymous)


def new_user(anonymous: Client) -> Client:
    email, password = f"{uuid.uuid4().hex}@example.com", secrets.token_urlsafe(16)
    anonymous.register(email, password)
    return anonymous.login(email, password)


@pytest.fixture
def admin(release: Release, anonymous: Client) -> Client:
    return anonymous.login(*release.admin())


@pytest.fixture
def photograph() -> bytes:
    return PHOTOGRAPH.read_bytes()


@pytest.fixture
def thumb() -> dict[str, Any]:
    return THUMB


Apply = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def apply(release: Release) -> Apply:
    """Return a function that runs `kubectl apply` on a task with this spec."""

    def applied(name: str, spec: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
        manifest = {
            "apiVersion": "darkroom.dev/v1alpha1",
            "kind": "ProcessingTask",
            "metadata": {"name": name, "namespace": release.namespace},
            "spec": spec,
        }
        return _applied(release, manifest, *options)

    return applied


@pytest.fixture
def apply_any(release: Release) -> Callable[[dict[str, Any]], None]:
    """Return a function that runs `kubectl apply` on any manifest."""

    def applied(manifest: dict[str, Any]) -> None:
        done = _applied(release, manifest)
        assert done.returncode == 0, done.stderr

    return applied


def _applied(
    release: Release, manifest: dict[str, Any], *options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(kubectl_path()), "apply", *options, "-f", "-"],
        env={**os.environ, "KUBECONFIG": str(release.cluster.kubeconfig)},
        input=json.dumps(manifest),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def name() -> str:
    return f"e2e-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def source_url(release: Release, worker_id: str) -> Iterator[str]:
    """Run the web server and return its URL inside the cluster."""
    name = f"source-{worker_id}"
    image = json.loads(release.kubectl("get", "deployment", "darkroom-operator", "-o", "json"))
    image_name = next(
        variable["value"]
        for variable in image["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "DARKROOM_PROCESSOR_IMAGE"
    )
    release.kubectl("delete", "pod,configmap", name, "--ignore-not-found", "--now")
    release.kubectl("create", "configmap", name, f"--from-file=earth.jpg={PHOTOGRAPH}")
    overrides = json.dumps({"spec": _server_spec(name, image_name)})
    release.kubectl("run", name, f"--image={image_name}", f"--overrides={overrides}")
    release.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    address = release.kubectl("get", "pod", name, "-o", "jsonpath={.status.podIP}")
    yield f"http://{address}:8000"
    release.kubectl("delete", "pod,configmap", name, "--now")


def _server_spec(name: str, image: str) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": name,
                "image": image,
                "command": ["python3", "-c", SERVER],
                "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "sources", "mountPath": "/sources"}],
            }
        ],
        "volumes": [{"name": "sources", "configMap": {"name": name}}],
    }


def state_of(release: Release, name: str) -> str:
    return release.kubectl(
        "get", "processingtask", name, "-o", "jsonpath={.status.state}", check=False
    )


def pods_of(release: Release, task_name: str) -> list[dict[str, Any]]:
    text = release.kubectl("get", "pods", "-l", f"darkroom.dev/task={task_name}", "-o", "json")
    found: list[dict[str, Any]] = json.loads(text)["items"]
    return found


@pytest.fixture
def until_running(release: Release) -> Callable[[str], None]:
    """Return a function that waits until the task's processor is at work."""

    def wait(task_name: str) -> None:
        poll(
            lambda: state_of(release, task_name),
            lambda state: state == "running",
            seconds=60,
            what=f"running of {task_name}",
        )

    return wait


@pytest.fixture
def until_gone(release: Release) -> Callable[..., None]:
    """Return a function that waits until no container of the task is left."""

    def wait(task_name: str, *, seconds: float) -> None:
        # The kubelet lets a pod's object go only when its containers have ended.
        poll(
            lambda: len(pods_of(release, task_name)),
            lambda count: count == 0,
            seconds=seconds,
            what=f"end of the pods of {task_name}",
        )

    return wait
