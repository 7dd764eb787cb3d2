"""Objects in a bucket of any S3-compatible store."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from darkroom_core import names
from darkroom_core.assignment import SignedRequest
from darkroom_core.storage.base import StoredObject, checked_key
from darkroom_core.storage.incoming import Incoming
from darkroom_core.storage.s3_errors import translated
from darkroom_core.storage.s3_incoming import S3Incoming

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_OURS: Final = names.upload_key("")


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
        with translated(key):
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
        with translated(key):
            # An empty object has no first byte that could be asked for.
            part: dict[str, Any] = {"Range": f"bytes={start}-"} if start else {}
            response = self._client.get_object(Bucket=self._bucket, Key=checked_key(key), **part)
        return cast("BinaryIO", response["Body"])

    def stat(self, key: str) -> StoredObject:
        """Ask for the object's head."""
        with translated(key):
            head = self._client.head_object(Bucket=self._bucket, Key=checked_key(key))
        return StoredObject(key, head["ContentLength"])

    def delete(self, key: str) -> None:
        """Delete the object."""
        with translated(key):
            self._client.delete_object(Bucket=self._bucket, Key=checked_key(key))

    def incoming(self, key: str, *, content_type: str, parked: str | None = None) -> Incoming:
        """Take the bytes as the parts of a multipart upload."""
        return S3Incoming(
            self._client, self._bucket, checked_key(key), content_type=content_type, parked=parked
        )

    def sweep_incoming(self, *, before: datetime) -> int:
        """Abort multipart uploads that began before then; those of others are not ours."""
        removed = 0
        with translated(_OURS):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=_OURS):
                for begun in page.get("Uploads", ()):
                    if begun["Initiated"] < before:
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=begun["Key"], UploadId=begun["UploadId"]
                        )
                        removed += 1
        return removed

    def move(self, key: str, target: str) -> None:
        """Copy within the bucket, in parts where it is large, and delete."""
        with translated(key):
            self._client.copy(
                {"Bucket": self._bucket, "Key": checked_key(key)},
                self._bucket,
                checked_key(target),
                Config=self._transfer,
            )
            self._client.delete_object(Bucket=self._bucket, Key=key)

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
