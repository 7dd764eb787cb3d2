"""`darkroom-api doctor` as a command, against what is there and what is not."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from darkroom_api import migrate
from darkroom_api.doctor.clock import compared
from darkroom_api.doctor.cluster import RIGHTS
from darkroom_api.testing import FakeApiServer

Environment = dict[str, str]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "darkroom_api", "doctor", *arguments],
        env=environment | {"PATH": os.environ["PATH"], "AWS_MAX_ATTEMPTS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def found(environment: Environment) -> dict[str, dict[str, Any]]:
    done = run(environment, "--json")
    assert "Traceback" not in done.stderr, done.stderr
    document = json.loads(done.stdout)
    checks = {check["check"]: check for check in document["checks"]}
    has_failed = any(check["status"] == "failed" for check in checks.values())
    assert (document["ok"], done.returncode) == (not has_failed, int(has_failed))
    return checks


def statuses(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: check["status"] for name, check in checks.items()}


@pytest.fixture
def whole(environment: Environment, api_server: FakeApiServer, kubeconfig: Path) -> Environment:
    """An installation where all is well, but that the API does not serve yet."""
    api_server.answers["POST"] = (201, {"spec": {}, "status": {"allowed": True}})
    return environment | {"KUBECONFIG": str(kubeconfig)}


def test_of_an_installation_where_all_is_well_nothing_has_failed(whole: Environment) -> None:
    checks = found(whole)
    assert {name for name, status in statuses(checks).items() if status != "ok"} <= {
        "storage signed URL",  # the API is not running
        "mail",
    }
    assert checks["storage signed URL"]["status"] == "warning"
    assert "start the API" in checks["storage signed URL"]["fix"]
    assert "one volume" in checks["storage volume"]["detail"]


def test_with_the_api_running_the_signed_url_works(
    served: tuple[str, Any], whole: Environment
) -> None:
    checks = found(whole | {"DARKROOM_STORAGE__URL": served[0]})
    assert checks["storage signed URL"]["status"] == "ok"


def test_it_asks_for_exactly_what_the_api_does(
    whole: Environment, api_server: FakeApiServer
) -> None:
    run(whole)
    asked = [asked.body["spec"]["resourceAttributes"] for asked in api_server.asked]
    assert len(asked) == len(RIGHTS)
    assert {attributes["namespace"] for attributes in asked} == {"media"}


def test_rights_that_are_missing_are_named(whole: Environment, api_server: FakeApiServer) -> None:
    api_server.answers["POST"] = (201, {"spec": {}, "status": {"allowed": False}})
    rights = found(whole)["cluster rights"]
    assert rights["status"] == "failed"
    assert "may not create processingtasks, " in rights["detail"]
    assert "bind the chart's Role" in rights["fix"]


def test_a_cluster_that_refuses_who_asks_is_told(
    whole: Environment, api_server: FakeApiServer
) -> None:
    api_server.answers["POST"] = (401, {"kind": "Status", "message": "Unauthorized"})
    checks = found(whole)
    assert checks["cluster"]["status"] == "failed"
    assert "renew the kubeconfig" in checks["cluster"]["fix"]
    assert checks["cluster rights"]["status"] == "skipped"


def test_without_a_cluster_all_else_is_checked(environment: Environment) -> None:
    checks = found(environment | {"KUBECONFIG": "/nowhere"})
    assert checks["cluster"]["status"] == "failed"
    assert checks["storage delete"]["status"] == "ok"


def test_a_database_that_is_away_says_how_it_is_reached(whole: Environment) -> None:
    whole["DARKROOM_DATABASE_URL"] = "postgresql://darkroom:secret@127.0.0.1:9/darkroom"
    done = run(whole)
    assert done.returncode == 1
    assert "FAILED  database: " in done.stdout
    assert "fix: start Postgres" in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_a_wrong_password_is_told_from_a_server_that_is_away(
    whole: Environment, postgres: Any
) -> None:
    whole["DARKROOM_DATABASE_URL"] = f"postgresql://darkroom:no@127.0.0.1:{postgres.port}/darkroom"
    assert "correct the Secret" in found(whole)["database"]["fix"]


def test_missing_migrations_say_which_command_applies_them(
    whole: Environment, empty_database_url: str
) -> None:
    migrate.up(empty_database_url, target=4)
    checks = found(whole | {"DARKROOM_DATABASE_URL": empty_database_url})
    assert checks["migrations"]["detail"].startswith("0005, 0006")
    assert checks["migrations"]["fix"] == "run `darkroom-api migrate up`"


def test_more_connections_than_postgres_has_are_too_many(whole: Environment) -> None:
    checks = found(whole | {"DARKROOM_DATABASE_CONNECTIONS": "900"})
    assert checks["connections"]["status"] == "failed"
    assert "raise max_connections" in checks["connections"]["fix"]


def test_a_directory_that_cannot_be_written_says_what_to_mount(
    whole: Environment, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    checks = found(whole | {"DARKROOM_STORAGE__DIRECTORY": str(tmp_path / "file/objects")})
    assert checks["storage write"]["status"] == "failed"
    assert "mount a volume" in checks["storage write"]["fix"]
    assert checks["storage delete"]["status"] == "skipped"


@pytest.mark.parametrize(("secret", "status"), [("only-for-tests", "ok"), ("another", "failed")])
def test_a_bucket_is_tried_as_processors_use_it(
    whole: Environment, s3: Any, secret: str, status: str
) -> None:
    settings = {
        "BACKEND": "s3",
        "BUCKET": s3.bucket,
        "ENDPOINT": s3.endpoint,
        "PATH_STYLE": "true",
    }
    credentials = {name: os.environ[name] for name in os.environ if name.startswith("AWS_")}
    credentials["AWS_SECRET_ACCESS_KEY"] = secret
    storage = {f"DARKROOM_STORAGE__{name}": value for name, value in settings.items()}
    checks = found(whole | credentials | storage)
    assert checks["storage write"]["status"] == status
    if status == "ok":
        assert checks["storage signed URL"]["status"] == "ok"
    else:
        assert "s3:PutObject" in checks["storage write"]["fix"]


@pytest.fixture
def smtp() -> Iterator[Controller]:
    """A real SMTP server, without TLS and without users."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


def mail(smtp: Controller, **more: str) -> Environment:
    settings = {"HOST": "127.0.0.1", "PORT": str(smtp.port), "SECURITY": "none"} | more
    return {f"DARKROOM_MAIL__{name}": value for name, value in settings.items()}


def test_without_a_mail_server_mail_is_skipped(whole: Environment) -> None:
    assert found(whole)["mail"]["status"] == "skipped"


def test_a_mail_server_is_signed_in_to(whole: Environment, smtp: Controller) -> None:
    assert found(whole | mail(smtp))["mail"]["status"] == "ok"


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mail_server_without_tls_says_which_setting_is_wrong(
    whole: Environment, smtp: Controller, security: str
) -> None:
    checked = found(whole | mail(smtp, SECURITY=security))["mail"]
    assert checked["status"] == "failed"
    assert "DARKROOM_MAIL__SECURITY" in checked["fix"]


def test_a_mail_server_that_is_away_is_told(whole: Environment) -> None:
    checked = found(whole | {"DARKROOM_MAIL__HOST": "127.0.0.1", "DARKROOM_MAIL__PORT": "9"})
    assert checked["mail"]["status"] == "failed"
    assert "NetworkPolicy" in checked["mail"]["fix"]


def test_settings_that_are_missing_are_all_that_is_told(whole: Environment) -> None:
    del whole["DARKROOM_JWT_KEY"]
    assert statuses(found(whole)) == {"settings": "failed"}


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, "ok"), (-1, "ok"), (10, "warning"), (-10, "warning"), (60, "failed")],
)
def test_a_clock_is_as_wrong_as_it_is_far_from_both_looks(seconds: int, status: str) -> None:
    theirs = NOW + timedelta(seconds=seconds)
    finding = compared("clock", theirs=theirs, before=NOW, after=NOW + timedelta(milliseconds=5))
    assert finding.status == status
    assert bool(finding.fix) == (status != "ok")
