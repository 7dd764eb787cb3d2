"""The page of errors against the code."""

import re
from pathlib import Path

from darkroom_api import app
from darkroom_api.errors import catalogue

PAGE = Path(__file__).parents[2] / "docs/reference/errors.md"


def test_every_kind_of_error_is_on_the_page_as_the_code_has_it() -> None:
    assert app.__name__  # what it imports has classes of its own
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    expected = {
        (str(kind.status), kind.code, " ".join((kind.__doc__ or "").split()))
        for kind in catalogue().values()
    }
    assert set(rows) == expected
