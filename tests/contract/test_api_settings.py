"""The API's settings against their reference page: nothing undocumented, nothing made up."""

import re
from pathlib import Path

from darkroom_api.settings import Settings
from darkroom_core.storage import StorageSettings

PAGE = Path(__file__).parents[2] / "docs/reference/settings-api.md"


def variables() -> set[str]:
    own = {f"DARKROOM_{name}" for name in Settings.model_fields if name != "storage"}
    storage = {f"DARKROOM_STORAGE__{name}" for name in StorageSettings.model_fields}
    return {name.upper() for name in own | storage}


def documented() -> dict[str, str]:
    """The rows of the page's tables: variable and the rest of the line."""
    return dict(re.findall(r"^\| `(DARKROOM_\w+)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE))


def test_every_setting_is_on_the_page_and_no_other() -> None:
    others = {"DARKROOM_POSTGRES_PASSWORD"}
    assert documented().keys() == variables() | others


def test_the_page_has_the_defaults_of_the_code() -> None:
    rows = documented()
    fields = {f"DARKROOM_{name}".upper(): field for name, field in Settings.model_fields.items()}
    del fields["DARKROOM_STORAGE"]
    for name, field in StorageSettings.model_fields.items():
        fields[f"DARKROOM_STORAGE__{name}".upper()] = field
    for variable, field in fields.items():
        default = rows[variable].split("|")[0].strip()
        if field.is_required() or field.default is None or variable.endswith("SIGNING_KEY"):
            assert "`" not in default, variable
        else:
            value = str(field.default)
            shown = value.lower() if isinstance(field.default, bool) else value
            assert default == f"`{shown}`" if shown else not default, variable
