"""Bytes that become the parts of a multipart upload.

What is too short for a part is kept as an object of its own meanwhile.
"""

import json
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from darkroom_core.storage.base import StoredObject
from darkroom_core.storage.incoming import PART
from darkroom_core.storage.s3_errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE: Final = {"NoSuchUpload", "404", "NoSuchKey"}
_NOTHING_YET: Final = {"size": 0, "upload": "", "parts": (), "tail": 0}


class S3Incoming:
    """A multipart upload, or while it is shorter than one part nothing yet."""

    def __init__(
        self, client: "S3Client", bucket: str, key: str, *, content_type: str, parked: str | None
    ) -> None:
        state: dict[str, Any] = json.loads(parked) if parked else _NOTHING_YET
        self._client, self._bucket, self._key = client, bucket, key
        self._content_type = content_type
        self._upload: str = state["upload"]
        self._parts: list[str] = list(state["parts"])
        self._size: int = state["size"]
        self._has_tail = state["tail"] > 0
        self._gathered = bytearray()
        if self._has_tail:
            with translated(key):
                tail = client.get_object(Bucket=bucket, Key=self._tail)
                self._gathered += tail["Body"].read()[: state["tail"]]

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self._size

    def write(self, data: bytes) -> None:
        """Send a part whenever there is enough for one."""
        self._gathered += data
        self._size += len(data)
        while len(self._gathered) >= PART:
            self._send(bytes(self._gathered[:PART]))
            del self._gathered[:PART]

    def park(self) -> str:
        """Keep the rest as an object of its own."""
        if self._gathered:
            with translated(self._key):
                self._client.put_object(
                    Bucket=self._bucket, Key=self._tail, Body=bytes(self._gathered)
                )
            self._has_tail = True
        return json.dumps(
            {
                "size": self._size,
                "upload": self._upload,
                "parts": self._parts,
                "tail": len(self._gathered),
            }
        )

    def close(self) -> None:
        """Do nothing: nothing is open between two parts."""

    def finish(self) -> StoredObject:
        """Put the parts together."""
        with translated(self._key):
            if self._upload:
                self._complete()
            else:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._key,
                    Body=bytes(self._gathered),
                    ContentType=self._content_type,
                )
            self._drop_tail()
        return StoredObject(self._key, self._size)

    def discard(self) -> None:
        """Abort the multipart upload: S3 keeps its parts, and bills them, until then."""
        with translated(self._key):
            if self._upload:
                try:
                    self._client.abort_multipart_upload(
                        Bucket=self._bucket, Key=self._key, UploadId=self._upload
                    )
                except ClientError as error:
                    if error.response.get("Error", {}).get("Code") not in _GONE:
                        raise
            self._drop_tail()

    @property
    def _tail(self) -> str:
        return f"{self._key}.tail"

    def _drop_tail(self) -> None:
        if self._has_tail:
            self._client.delete_object(Bucket=self._bucket, Key=self._tail)

    def _send(self, data: bytes) -> None:
        with translated(self._key):
            if not self._upload:
                begun = self._client.create_multipart_upload(
                    Bucket=self._bucket, Key=self._key, ContentType=self._content_type
                )
                self._upload = begun["UploadId"]
            sent = self._client.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._upload,
                PartNumber=len(self._parts) + 1,
                Body=data,
            )
        self._parts.append(sent["ETag"])

    def _complete(self) -> None:
        if self._gathered:
            self._send(bytes(self._gathered))
            self._gathered.clear()
        self._client.complete_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._upload,
            MultipartUpload={
                "Parts": [
                    {"ETag": tag, "PartNumber": number} for number, tag in enumerate(self._parts, 1)
                ]
            },
        )
