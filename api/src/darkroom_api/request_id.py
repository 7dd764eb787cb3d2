"""The id under which one request is found in answers, logs and errors."""

import re
import uuid
from typing import Final

from starlette.types import Scope

HEADER: Final = b"x-request-id"
_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_STATE: Final = "request_id"


def give_request_id(scope: Scope) -> str:
    """Take over the client's id if it is harmless, else make one."""
    sent = next((value for name, value in scope["headers"] if name == HEADER), b"")
    request_id = sent.decode() if _ACCEPTED.fullmatch(sent) else uuid.uuid4().hex
    scope.setdefault("state", {})[_STATE] = request_id
    return request_id


def request_id_of(scope: Scope) -> str:
    """Return the id that the request was given."""
    request_id: str = scope["state"][_STATE]
    return request_id
