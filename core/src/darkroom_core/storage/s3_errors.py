"""What boto3 raises, as what storage promises to raise."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from darkroom_core.storage.errors import ObjectNotFoundError, StorageError

_MISSING: Final = {"404", "NoSuchKey", "NotFound"}


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Turn what boto3 raises into what Storage promises."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _MISSING:
            msg = f"there is no object {key}"
            raise ObjectNotFoundError(msg) from error
        msg = f"S3 refused {key}: {error}"
        raise StorageError(msg) from error
    except BotoCoreError as error:
        msg = f"S3 did not answer for {key}: {error}"
        raise StorageError(msg) from error
