"""Uploads that are asked for: what is wrong with them is said before a byte is sent."""

import json
from datetime import UTC, datetime
from uuid import UUID

from darkroom_api import errors
from darkroom_api.auth.identity import Identity
from darkroom_api.database import Connection
from darkroom_api.limits import quotas
from darkroom_api.problem import InvalidField
from darkroom_api.resources import Resources
from darkroom_api.tasks.access import scope_of, stored_id
from darkroom_api.tasks.creation import refuse_unusable_recipes
from darkroom_api.tasks.recipes import wanted_upload
from darkroom_api.uploads import ids, queries
from darkroom_api.uploads.queries import NewUpload, UploadRow
from darkroom_api.uploads.schemas import UploadRequest
from darkroom_api.webhooks import urls


async def new_upload(
    resources: Resources, identity: Identity, wanted: UploadRequest, *, via: str
) -> NewUpload:
    """Return the row of an upload, or raise what is wrong with it."""
    settings = resources.settings.uploads
    if wanted.size is not None and wanted.size > settings.max_bytes:
        raise errors.TooLargeError(f"the file may have {settings.max_bytes:,} bytes at most")
    if wanted.task is not None and wanted.tasks:
        sentence = "send task, or tasks, but not both"
        raise errors.InvalidError(
            sentence, errors=[InvalidField(pointer="#/tasks", detail=sentence)]
        )
    documents = wanted.tasks or ([wanted.task] if wanted.task is not None else [])
    upload_id = ids.new_id()
    key = ids.key_of(upload_id)
    tasks = [wanted_upload(json.dumps(document).encode(), [{"key": key}]) for document in documents]
    await refuse_unusable_recipes(resources, tasks)
    for task in tasks:
        if task.webhook:
            urls.check(task.webhook.url, resources.settings.webhooks)
    return NewUpload(
        id=upload_id,
        owner=identity.user_id,
        via=via,
        key=key,
        size=wanted.size,
        content_type=wanted.content_type,
        filename=wanted.filename,
        sha256=wanted.sha256,
        tasks=documents,
        seconds=settings.expiry_seconds,
    )


async def insert_upload(
    connection: Connection, resources: Resources, identity: Identity, new: NewUpload
) -> UploadRow:
    """Add the row in the caller's transaction; the bytes that it declares count at once."""
    row = await queries.insert(connection, new)
    if new.size is not None:
        await quotas.admit(
            connection, identity, defaults=resources.settings.quotas, bytes_=new.size
        )
    return row


async def visible_upload(resources: Resources, identity: Identity, upload_id: str) -> UploadRow:
    """Return an upload that may be seen, or raise NotFoundError."""
    return await existing_upload(resources, upload_id, owner=scope_of(identity))


async def existing_upload(resources: Resources, upload_id: str, *, owner: UUID | None) -> UploadRow:
    """Return an upload, or raise NotFoundError."""
    async with resources.pool.connection() as connection:
        row = await queries.by_id(connection, stored_id(upload_id), owner=owner)
    if row is None:
        raise errors.NotFoundError(f"there is no upload {upload_id}")
    return row


def refuse_ended(row: UploadRow) -> None:
    """Raise UploadOverError where no bytes are awaited any more."""
    if row.status != "waiting":
        raise errors.UploadOverError(f"the upload is {row.status}: ask for another")
    if row.expires_at <= datetime.now(UTC):
        raise errors.UploadOverError("the upload has expired: ask for another")
