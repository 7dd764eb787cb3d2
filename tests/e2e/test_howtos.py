"""The pages of docs/howto do what they say: bash runs their commands, on a real cluster."""

import os
import secrets
import shlex
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from darkroom_cluster.binary import kubectl_path
from darkroom_cluster.client import Client
from darkroom_cluster.release import Release

ROOT = Path(__file__).parents[2]
SECONDS = 300


@pytest.fixture
def workplace(release: Release, anonymous: Client, tmp_path: Path) -> Path:
    """A folder that looks to a shell as the repository does after `make up`."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    state = tmp_path / ".darkroom"
    (state / "bin").mkdir(parents=True)
    (state / "bin/kubectl").symlink_to(kubectl_path())
    kubeconfig = state / "kubeconfig"
    kubeconfig.write_text(release.cluster.kubeconfig.read_text())
    focus = ["config", "set-context", "--current", f"--namespace={release.namespace}"]
    subprocess.run([str(kubectl_path()), "--kubeconfig", str(kubeconfig), *focus], check=True)
    email, password = release.admin()
    own = {"email": f"{uuid.uuid4().hex}@example.com", "password": secrets.token_urlsafe(16)}
    anonymous.register(**own)
    variables = {
        "KUBECONFIG": str(kubeconfig),
        "DARKROOM_URL": release.cluster.url,
        "DARKROOM_EMAIL": own["email"],
        "DARKROOM_PASSWORD": own["password"],
        "DARKROOM_ADMIN_EMAIL": email,
        "DARKROOM_ADMIN_PASSWORD": password,
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    lines.append(f'export PATH={shlex.quote(str(state / "bin"))}:"$PATH"\n')
    (state / "env").write_text("".join(lines))
    return tmp_path


def test_the_commands_of_a_page_work_as_they_stand(
    howto: Path, workplace: Path, commands: Callable[[Path], str]
) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-x", "-c", commands(howto)],
        cwd=workplace,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
