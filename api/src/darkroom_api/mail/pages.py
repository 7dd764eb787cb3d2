"""Pages for browsers, which may do nothing but be looked at, and send their one form."""

from typing import Final

from fastapi.responses import HTMLResponse

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
)


def page(html: str) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(
        html, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    )
