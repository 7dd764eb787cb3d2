"""The pod that serves the sources: at once, or drop by drop over some seconds."""

import json
from typing import Any, Final

from darkroom_cluster.release import Release

NAME: Final = "chaos-sources"
# A drop every few seconds, because a processor gives up a server that says nothing for long.
SERVER: Final = """
import http.server, pathlib, time
photograph = pathlib.Path("/sources/earth.jpg").read_bytes()
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass
    def do_GET(self):
        parts = self.path.strip("/").split("/")
        seconds = int(parts[1]) if parts[0] == "slow" else 0
        drops = seconds // 5
        self.send_response(200)
        self.send_header("Content-Length", str(len(photograph)))
        self.end_headers()
        start = len(photograph) - drops - 1
        self.wfile.write(photograph[:start])
        for place in range(start, start + drops):
            self.wfile.flush()
            time.sleep(5)
            self.wfile.write(photograph[place:place + 1])
        self.wfile.write(photograph[start + drops:])
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
Server(("0.0.0.0", 8000), Handler).serve_forever()
"""


def serve(release: Release, photograph: str, image: str) -> str:
    """Run the pod and return its URL inside the cluster."""
    release.kubectl("delete", "pod,configmap", NAME, "--ignore-not-found", "--now")
    release.kubectl("create", "configmap", NAME, f"--from-file=earth.jpg={photograph}")
    overrides = json.dumps({"spec": _spec(image)})
    release.kubectl("run", NAME, f"--image={image}", f"--overrides={overrides}")
    release.kubectl("wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=60s")
    address = release.kubectl("get", "pod", NAME, "-o", "jsonpath={.status.podIP}")
    return f"http://{address}:8000"


def _spec(image: str) -> dict[str, Any]:
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
                "name": NAME,
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
        "volumes": [{"name": "sources", "configMap": {"name": NAME}}],
    }
