"""Every setting of the operator is in its reference, with its default, and no other is."""

import re
from pathlib import Path

import pytest
from darkroom_core.assignment import Limits
from darkroom_core.logs import LogSettings
from darkroom_core.storage import StorageSettings
from darkroom_operator.autoscaling.settings import AutoscalingSettings
from darkroom_operator.settings import Settings
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

PAGE = Path(__file__).parents[2] / "docs/reference/settings-operator.md"
NESTED: dict[str, type[BaseModel]] = {
    "storage": StorageSettings,
    "limits": Limits,
    "log": LogSettings,
    "autoscaling": AutoscalingSettings,
}


def expected() -> dict[str, str]:
    found = {}
    for name, field in Settings.model_fields.items():
        if name in NESTED:
            for inner, inner_field in NESTED[name].model_fields.items():
                found[f"DARKROOM_{name}__{inner}".upper()] = default(inner_field)
        else:
            found[f"DARKROOM_{name}".upper()] = default(field)
    return found


def default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if field.is_required() or isinstance(value, SecretStr):
        return "required"
    if value is None or value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| `(DARKROOM_\w+)` \| (.+?) \|", PAGE.read_text(), re.MULTILINE)
    return {name: text.strip("`") for name, text in rows}


def test_the_reference_names_every_setting_with_its_default() -> None:
    assert documented() == expected()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DARKROOM_NAMESPACE": "media",
        "DARKROOM_DATABASE_URL": "postgresql://a:secret@b/c",
        "DARKROOM_STORAGE__SIGNING_KEY": "another secret",
        "DARKROOM_PROCESSOR_IMAGE": "processor:1",
        "DARKROOM_ALLOWED_SOURCE_NETWORKS": '["10.0.0.0/8"]',
        "DARKROOM_LIMITS__SECONDS": "7",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert [str(network) for network in settings.allowed_source_networks] == ["10.0.0.0/8"]
    assert settings.limits.seconds == 7
    assert ":secret@" not in repr(settings)
    assert "another secret" not in repr(settings)
