"""The part of the chart's schema that is made from the API's settings: `api.settings`.

Every setting that the chart does not give a value of its own can be set there under its own name in
camelCase; what is secret comes from a Secret, under `api.secretSettings`.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from darkroom_api.settings import Settings
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

ROOT: Final = Path(__file__).resolve().parent.parent
SCHEMA: Final = ROOT / "charts/darkroom/values.schema.json"
# The chart says them itself, each by a value, a Secret or the release.
SAID_BY_THE_CHART: Final = frozenset(
    {
        *("database_url", "jwt_key", "admin_email", "admin_password", "storage", "retention"),
        *("namespace", "host", "port", "trusted_proxies"),
        *("registration_open", "access_token_seconds", "max_upload_bytes", "admission_window"),
        *("allowed_source_networks", "log"),
    }
)
_FROM_A_SECRET: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["secret", "key"],
    "properties": {
        "secret": {"type": "string", "minLength": 1},
        "key": {"type": "string", "minLength": 1},
    },
}
_KEPT: Final = (
    *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("pattern", "minLength", "maxLength", "minItems", "maxItems", "description", "anyOf"),
    *("items", "additionalProperties", "properties"),
)


def camel(name: str) -> str:
    """Return a setting's name as values are written."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def schema() -> str:
    """Return the schema's text, with the settings of today."""
    document = json.loads(SCHEMA.read_text())
    api = document["properties"]["api"]["properties"]
    api["settings"] = settings_schema()
    api["secretSettings"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": dict.fromkeys(secrets_of(Settings), _FROM_A_SECRET),
    }
    return json.dumps(document, indent=2) + "\n"


def settings_schema() -> dict[str, Any]:
    """Return the schema of `api.settings`."""
    whole = Settings.model_json_schema(by_alias=False)
    return _object_of(Settings, whole, whole.get("$defs", {}), without=SAID_BY_THE_CHART)


def secrets_of(model: type[BaseModel], path: str = "") -> list[str]:
    """Return the secret settings, each as its path in camelCase."""
    found = []
    for name, field in model.model_fields.items():
        if not path and name in SAID_BY_THE_CHART:
            continue
        if inner := _model_of(field):
            found += secrets_of(inner, f"{path}{camel(name)}.")
        elif _is_secret(field):
            found.append(f"{path}{camel(name)}")
    return found


def _object_of(
    model: type[BaseModel],
    found: dict[str, Any],
    definitions: dict[str, Any],
    *,
    without: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name in without or _is_secret(field):
            continue
        if inner := _model_of(field):
            described = definitions[inner.__name__]
            properties[camel(name)] = _object_of(inner, described, definitions)
        else:
            properties[camel(name)] = _plain(found["properties"][name], definitions)
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _plain(value: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401  # a JSON schema
    """Return what Helm's draft 7 knows of a property's schema."""
    if not isinstance(value, dict):
        return value
    if reference := value.get("$ref") or next(
        (part["$ref"] for part in value.get("allOf", ()) if "$ref" in part), None
    ):
        plain = _plain(definitions[reference.rsplit("/", 1)[1]], definitions)
        return plain | {k: v for k, v in value.items() if k == "description"}
    plain = {key: item for key, item in value.items() if key in _KEPT}
    if "anyOf" in plain:
        plain["anyOf"] = [_plain(part, definitions) for part in plain["anyOf"]]
    if "items" in plain:
        plain["items"] = _plain(plain["items"], definitions)
    return plain


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _is_secret(field: FieldInfo) -> bool:
    kind = field.annotation
    return kind is SecretStr or SecretStr in getattr(kind, "__args__", ())


if __name__ == "__main__":
    SCHEMA.write_text(schema())
