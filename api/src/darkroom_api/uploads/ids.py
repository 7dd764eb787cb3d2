"""What uploads are called, and where their bytes are."""

from typing import Final

import uuid_utils
from darkroom_core import names

_PREFIX: Final = "upload-"


def new_id() -> str:
    """Return an id that nobody had."""
    return f"{_PREFIX}{uuid_utils.uuid7().hex}"


def key_of(upload_id: str) -> str:
    """Return where a complete file is, which is as if a task of this number had been uploaded."""
    return names.upload_key(f"task-{upload_id.removeprefix(_PREFIX)}")


def staging_key(upload_id: str) -> str:
    """Return where a signed URL writes: what is there may be overwritten until it expires."""
    return f"incoming/{upload_id}"
