"""The page of every kind of error, made from their classes."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs/reference/errors.md"
_HEAD: Final = """\
# Errors

<!-- Generated from the classes by `make generate`; do not edit. -->

Every error, the server's own too, is a problem document (RFC 9457, `application/problem+json`):

```json
{
  "type": "https://darkroom.example.com/problems/invalid",
  "title": "Invalid request",
  "status": 422,
  "detail": "#/outputs/0/format: Input should be 'jpeg', 'png' or 'webp'",
  "code": "invalid",
  "request_id": "7d0c0b8e5f2b4b0f9c4e3f0a1b2c3d4e",
  "retryable": false,
  "errors": [{"pointer": "#/outputs/0/format", "detail": "Input should be 'jpeg', 'png' or 'webp'"}]
}
```

| status | code | meaning |
|---|---|---|
"""


def page() -> str:
    """Return the page."""
    from darkroom_api import app, errors  # noqa: PLC0415  # slow; slices have classes of their own

    assert app  # noqa: S101  # imported for what it imports
    kinds = sorted(errors.catalogue().values(), key=lambda kind: (kind.status, kind.code))
    rows = [
        f"| {kind.status} | `{kind.code}` | {' '.join((kind.__doc__ or '').split())} |"
        for kind in kinds
    ]
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
