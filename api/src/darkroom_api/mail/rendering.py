"""What a mail looks like: a subject, a text, and a page with its styles beside each element."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined

from darkroom_api.mail.outbox import Template

_HOW: Final[dict[str, Any]] = {
    "loader": PackageLoader("darkroom_api", "mail/templates"),
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
}


@dataclass(frozen=True)
class Rendered:
    """A mail, readable by every program for mail."""

    subject: str
    text: str
    html: str


def render(template: Template, values: dict[str, Any]) -> Rendered:
    """Render a mail; a value that the template needs and is not there is an error."""
    text = _plain().get_template(f"{template}.txt").make_module(values)
    # A line break in a value would begin another header.
    subject = " ".join(str(vars(text)["subject"]).split())
    page = _pages().get_template(f"{template}.html").render(values, subject=subject)
    return Rendered(subject, str(text).strip() + "\n", _inliner().inline(page))


def render_page(name: str, **values: object) -> str:
    """Render a page for browsers."""
    return _pages().get_template(f"{name}.html").render(values)


@cache
def _pages() -> Environment:
    return Environment(autoescape=True, **_HOW)


@cache
def _plain() -> Environment:
    return Environment(autoescape=False, **_HOW)  # noqa: S701  # text


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
