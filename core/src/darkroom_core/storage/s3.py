"""Objects in a bucket of any S3-compatible store."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from darkroom_core.assignment import SignedRequest
from darkroom_core.storage.base import StoredObject, checked_key
from darkroom_core.storage.errors import ObjectNotFoundError, StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING: Final = {"404", "NoSuchKey", "NotFound"}


class S3Storage:
    """A bucket. Credentials come the way boto3 finds them: environment, profile or role."""

    def __init__(self, bucket: str, *, endpoint: str | None, region: str, path_style: bool) -> None:
        self._bucket = bucket
        self._client: S3Client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            config=Config(
                signature_version="s3v4",
                # Many S3-compatible stores refuse, or store, the checksum trailers that boto3
                # sends by default since 1.36.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path" if path_style else "auto"},
                retries={"mode": "standard", "max_attempts": 3},
                connect_timeout=5,
                read_timeout=30,
            ),
        )
        # One thread per transfer: the callers are threads already.
        self._transfer = TransferConfig(use_threads=False)

    def put(self, key: str, body: BinaryIO, *, content_type: str) -> StoredObject:
        """Upload, in parts where it is large."""
        with _translated(key):
            self._client.upload_fileobj(
                body,
                self._bucket,
                checked_key(key),
                ExtraArgs={"ContentType": content_type},
                Config=self._transfer,
            )
        return self.stat(key)

    def open(self, key: str, *, start: int = 0) -> BinaryIO:
        """Stream the object."""
        with _translated(key):
            # An empty object has no first byte that could be asked for.
            part: dict[str, Any] = {"Range": f"bytes={start}-"} if start else {}
            response = self._client.get_object(Bucket=self._bucket, Key=checked_key(key), **part)
        return cast("BinaryIO", response["Body"])

    def stat(self, key: str) -> StoredObject:
        """Ask for the object's head."""
        with _translated(key):
            head = self._client.head_object(Bucket=self._bucket, Key=checked_key(key))
        return StoredObject(key, head["ContentLength"])

    def delete(self, key: str) -> None:
        """Delete the object."""
        with _translated(key):
            self._client.delete_object(Bucket=self._bucket, Key=checked_key(key))

    def sign_get(
        self, key: str, *, expires: datetime, disposition: str | None = None
    ) -> SignedRequest:
        """Presign a GET; no request is made."""
        parameters = {"Key": checked_key(key)}
        if disposition:
            parameters["ResponseContentDisposition"] = disposition
        return SignedRequest(url=self._presigned("get_object", parameters, expires))

    def sign_put(self, key: str, *, content_type: str, expires: datetime) -> SignedRequest:
        """Presign a PUT; no request is made."""
        parameters = {"Key": checked_key(key), "ContentType": content_type}
        return SignedRequest(
            url=self._presigned("put_object", parameters, expires),
            headers={"Content-Type": content_type},
        )

    def _presigned(self, operation: str, parameters: dict[str, Any], expires: datetime) -> str:
        return self._client.generate_presigned_url(
            operation,
            Params={"Bucket": self._bucket, **parameters},
            ExpiresIn=max(1, int((expires - datetime.now(UTC)).total_seconds())),
        )


@contextmanager
def _translated(key: str) -> Iterator[None]:
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
