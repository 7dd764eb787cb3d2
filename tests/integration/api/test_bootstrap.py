"""The Secret that is made once."""

import base64
from pathlib import Path

import pytest
from darkroom_api.__main__ import main
from darkroom_api.auth.schemas import normalised_email
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeApiServer


@pytest.fixture(autouse=True)
def in_cluster(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("DARKROOM_NAMESPACE", "media")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def test_it_makes_a_secret_with_every_key(
    api_server: FakeApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bootstrap", "--secret-name", "darkroom"]) == 0

    (asked,) = api_server.asked
    values = {key: base64.b64decode(value).decode() for key, value in asked.body["data"].items()}
    assert (asked.method, asked.path) == ("POST", "/api/v1/namespaces/media/secrets")
    assert asked.body["metadata"]["name"] == "darkroom"
    assert values.keys() == {
        "jwt-key",
        "signing-key",
        "postgres-password",
        "admin-email",
        "admin-password",
    }
    # The API accepts them, and its own rules for an address.
    settings = Settings.model_validate(
        {
            "database_url": f"postgresql://darkroom:{values['postgres-password']}@postgres/darkroom",
            "jwt_key": values["jwt-key"],
            "admin_email": values["admin-email"],
            "admin_password": values["admin-password"],
            "storage": {"signing_key": values["signing-key"]},
        }
    )
    assert settings.admin_email == normalised_email(values["admin-email"])
    assert capsys.readouterr().out == "the Secret darkroom in media is made\n"


def test_a_second_time_nothing_is_changed(
    api_server: FakeApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    api_server.answers["POST"] = (409, {"kind": "Status", "message": "already exists"})

    assert main(["bootstrap", "--secret-name", "darkroom"]) == 0

    assert [asked.method for asked in api_server.asked] == ["POST"]
    assert "exists already, and was left as it is" in capsys.readouterr().out


def test_a_refusal_is_told_in_a_sentence(
    api_server: FakeApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    api_server.answers["POST"] = (403, {"kind": "Status", "message": "secrets is forbidden"})

    assert main(["bootstrap", "--secret-name", "darkroom"]) == 1
    assert "the Secret darkroom could not be made: 403" in capsys.readouterr().err
