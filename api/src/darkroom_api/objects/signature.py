"""Signed URLs: whoever holds one may make that one request until it expires."""

from datetime import UTC, datetime
from typing import Annotated

from darkroom_core.storage.signing import is_signed
from fastapi import Query, Request

from darkroom_api.deps import Res
from darkroom_api.errors import InvalidSignatureError


async def check_signature(
    request: Request,
    resources: Res,
    expires: Annotated[str, Query(description="Seconds since 1970.")] = "",
    signature: Annotated[str, Query(description="HMAC-SHA256 of method, path and expiry.")] = "",
) -> None:
    """Let the request through if its URL was signed for it and has not expired."""
    if (
        not expires.isascii()
        or not expires.isdigit()
        or not signature.isascii()
        or not is_signed(
            request.method,
            request.url.path,
            expires=int(expires[:20]),
            signature=signature,
            key=resources.settings.storage.signing_key_bytes,
            now=datetime.now(UTC),
        )
    ):
        raise InvalidSignatureError("this URL was not signed for this request, or has expired")
