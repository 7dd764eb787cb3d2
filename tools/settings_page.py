"""The tables of the API's settings in their reference page, made from the models.

What stands between the tables is written by hand.
"""

import json
import re
from enum import Enum
from pathlib import Path
from typing import Any, Final

from darkroom_api.settings import Settings
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs/reference/settings-api.md"
_TABLE: Final = re.compile(r"(<!-- settings of (\w+): generated -->\n\n)(?:\|.*\n)*")
_API: Final = "api"


def page() -> str:
    """Return the page; raise ValueError where it has no place for a group of settings."""
    text = PAGE.read_text()
    groups = _groups()
    if missing := groups.keys() - {name for _, name in _TABLE.findall(text)}:
        raise ValueError(f"{PAGE.name} has no table for {', '.join(sorted(missing))}")
    return _TABLE.sub(lambda found: found[1] + groups[found[2]], text)


def _groups() -> dict[str, str]:
    """Return the tables: of the API's own settings, and of each nested model."""
    nested = {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    own = {name: field for name, field in Settings.model_fields.items() if name not in nested}
    tables = {_API: _table("DARKROOM_", own)}
    for name, model in nested.items():
        tables[name] = _table(f"DARKROOM_{name.upper()}__", model.model_fields)
    return tables


def _table(prefix: str, fields: dict[str, FieldInfo]) -> str:
    rows = [
        f"| `{prefix}{name.upper()}` | {_default(field)} | {field.description} |\n"
        for name, field in fields.items()
    ]
    return "| variable | default | meaning |\n|---|---|---|\n" + "".join(rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, SecretStr):
        return "none"
    if isinstance(value, Enum):
        value = value.value
    text = str(value) if isinstance(value, str | Path) else json.dumps(value)
    return f"`{text}`" if text else ""
