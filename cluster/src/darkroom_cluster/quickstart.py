"""`make up`: from a bare machine to a photograph that a Kubernetes Job has processed."""

import argparse
import io
import json
import secrets
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from PIL import Image

from darkroom_cluster import commands
from darkroom_cluster.binary import kubectl_path
from darkroom_cluster.client import Client, RefusedError, poll
from darkroom_cluster.cluster import Cluster, ClusterError
from darkroom_cluster.context import HELP
from darkroom_cluster.progress import step
from darkroom_cluster.providers import ensure, load_images, prepare
from darkroom_cluster.release import NAMESPACE, built_images, install

PHOTOGRAPH: Final = Path("samples/earth.jpg")
OUTPUTS: Final[list[dict[str, Any]]] = [
    {
        "name": "thumb",
        "operations": [{"resize": {"width": 512, "height": 512, "fit": "cover"}}],
        "format": "webp",
    },
    {"name": "web", "operations": [{"resize": {"width": 1280}}], "format": "jpeg", "quality": 82},
]
# The photograph is 2048 x 1024 when it is held upright.
EXPECTED: Final = {"thumb": ("WEBP", (512, 512)), "web": ("JPEG", (1280, 640))}

INTERRUPTED: Final = 130


def main() -> int:
    """Do it all; say in one sentence what went wrong."""
    parser = argparse.ArgumentParser(
        prog="make up",
        description=__doc__,
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", default="dev", help="the cluster's name (default: %(default)s)")
    parser.add_argument("--state", type=Path, default=Path(".darkroom"), help="where state is kept")
    arguments = parser.parse_args()
    try:
        bring_up(Path.cwd(), arguments.name, arguments.state.resolve())
    except (ClusterError, RefusedError, OSError) as error:
        print(f"\nmake up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmake up: interrupted; `make down` cleans up.", file=sys.stderr)
        return INTERRUPTED
    return 0


def bring_up(root: Path, name: str, state: Path) -> None:
    """Make what is missing, process the photograph, print what to type next."""
    log = state / "up.log"
    state.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    prepare()
    # Images wait for downloads while Kubernetes is compiled, and the other way round.
    with ThreadPoolExecutor(1) as pool:
        images = pool.submit(built_images, root)
        cluster = ensure(name, state)
        references = images.result()
    load_images(cluster, list(references.values()))
    install(root, cluster, references, log)
    client, email, password = _account(cluster, state)
    write_environment(state, cluster, email, password)
    task = _process(client, root / PHOTOGRAPH)
    for output in OUTPUTS:
        _check(client, task, output["name"], state / "results")
    print(_next_steps(cluster, state, task, email))


def write_environment(state: Path, cluster: Cluster, email: str, password: str) -> None:
    """Write what a shell needs to `env` in the state folder; only its owner may read it."""
    variables = {
        "KUBECONFIG": str(_own_kubeconfig(state, cluster)),
        "DARKROOM_URL": cluster.url,
        "DARKROOM_EMAIL": email,
        "DARKROOM_PASSWORD": password,
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    tools = shlex.quote(str(state / "bin"))
    file = state / "env"
    file.touch(mode=0o600)
    file.write_text("".join(lines) + f'export PATH={tools}:"$PATH"\n')


def _own_kubeconfig(state: Path, cluster: Cluster) -> Path:
    """Copy the cluster's kubeconfig and point the copy at Darkroom's namespace."""
    kubectl = [str(kubectl_path()), "--kubeconfig"]
    flat = [*kubectl, str(cluster.kubeconfig), "config", "view", "--raw", "--flatten", "--minify"]
    file = state / "kubeconfig"
    file.touch(mode=0o600)
    file.write_text(commands.run(flat).stdout)
    focus = ["config", "set-context", "--current", f"--namespace={NAMESPACE}"]
    commands.run([*kubectl, str(file), *focus])
    return file


def read_environment(state: Path) -> dict[str, str]:
    """Return the variables of the state folder's `env`; empty where there is none."""
    file = state / "env"
    if not file.exists():
        return {}
    words = [shlex.split(line)[1] for line in file.read_text().splitlines()]
    return dict(word.split("=", 1) for word in words)


def _account(cluster: Cluster, state: Path) -> tuple[Client, str, str]:
    """Log in as the user of an earlier run, or register one."""
    anonymous = Client(cluster.url)
    with step("Waiting for the API"):
        poll(lambda: _is_ready(anonymous), bool, seconds=120, what="the API")
    known = read_environment(state)
    email = known.get("DARKROOM_EMAIL", "you@example.com")
    password = known.get("DARKROOM_PASSWORD", "")
    with step(f"Logging in as {email}"):
        if password:
            try:
                return anonymous.login(email, password), email, password
            except RefusedError:
                email = f"you-{secrets.token_hex(3)}@example.com"
        password = secrets.token_urlsafe(18)
        anonymous.register(email, password)
        return anonymous.login(email, password), email, password


def _is_ready(client: Client) -> bool:
    try:
        return client.request("GET", "/readyz").status == 200  # noqa: PLR2004  # HTTP's OK
    except OSError:
        return False


def _process(client: Client, photograph: Path) -> Any:  # noqa: ANN401  # the API's JSON
    with step(f"Processing {photograph.name}"):
        content = photograph.read_bytes()
        task = client.submit(content, {"outputs": OUTPUTS}, filename=photograph.name)
        task = client.wait(task["id"], seconds=120)
    if task["status"] != "succeeded":
        msg = f"the task {task['id']} is {task['status']}: {task['error']}"
        raise ClusterError(msg)
    return task


def _check(client: Client, task: Any, name: str, folder: Path) -> None:  # noqa: ANN401
    """Download one output and look at it: the right format, the right size."""
    answer = client.output(task["id"], name)
    with Image.open(io.BytesIO(answer.body)) as picture:
        picture.load()
        found = (picture.format, picture.size)
    if found != EXPECTED[name]:
        msg = f"the output {name} should be {EXPECTED[name]} and is {found}"
        raise ClusterError(msg)
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.{'webp' if found[0] == 'WEBP' else 'jpg'}"
    file.write_bytes(answer.body)
    width, height = found[1]
    print(f"  {name}: {found[0]} {width}x{height}, {len(answer.body)} bytes -> {file}")


def _next_steps(cluster: Cluster, state: Path, task: Any, email: str) -> str:  # noqa: ANN401
    environment = state / "env"
    recipe = json.dumps({"outputs": OUTPUTS[:1]}, separators=(",", ":"))
    itself = f"$DARKROOM_URL/v1/tasks/{task['id']}"
    return f"""
Darkroom is up at {cluster.url}, and a Kubernetes Job has processed your first photograph.

Type this first, in any shell (your account is {email}; the password is in the file):
  . {environment}

With curl:
  TOKEN=$(curl -s $DARKROOM_URL/v1/auth/token -H 'Content-Type: application/json' \\
    -d "{{\\"email\\":\\"$DARKROOM_EMAIL\\",\\"password\\":\\"$DARKROOM_PASSWORD\\"}}" \\
    | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
  curl -H "Authorization: Bearer $TOKEN" -F file=@{PHOTOGRAPH} \\
    -F 'task={recipe}' \\
    $DARKROOM_URL/v1/tasks
  curl -H "Authorization: Bearer $TOKEN" {itself}
  curl -H "Authorization: Bearer $TOKEN" -o thumb.webp {itself}/outputs/thumb

With kubectl:
  kubectl get processingtasks
  kubectl describe processingtask {task["kubernetes"]["name"]}
  kubectl explain processingtask.spec.outputs

The admin's password:
  kubectl get secret darkroom-secrets -o jsonpath='{{.data.admin-password}}' | base64 -d

Take it all away again with `make down`.
"""


if __name__ == "__main__":
    raise SystemExit(main())
