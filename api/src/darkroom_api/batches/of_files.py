"""Makes a batch of many files that come in one request: the same of each of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from darkroom_core import names
from fastapi import Request, Response

from darkroom_api.auth.identity import Identity
from darkroom_api.batches import queries
from darkroom_api.batches.creation import create_batch
from darkroom_api.batches.schemas import MOST_TASKS
from darkroom_api.idempotency import Once
from darkroom_api.resources import Resources
from darkroom_api.tasks.creation import Also
from darkroom_api.tasks.ids import new_id
from darkroom_api.tasks.intake import create_of_files
from darkroom_api.tasks.multipart import UploadedFile, source_of
from darkroom_api.tasks.recipes import wanted_upload
from darkroom_api.tasks.wanted import Wanted


async def create_batch_of_files(
    request: Request,
    resources: Resources,
    identity: Identity,
    *,
    once: Once | None,
    answer: Callable[[queries.BatchRow], Response],
) -> Response:
    """Make a task of each file, as the part `task` says, and the batch of them."""

    async def create(wanted: Sequence[Wanted], also: Also) -> Response:
        return await create_batch(
            resources, identity, wanted, metadata={}, answer=answer, also=also, once=once
        )

    return await create_of_files(
        request,
        resources,
        identity,
        once=once,
        most=MOST_TASKS,
        keys=lambda count: [names.upload_key(new_id()) for _ in range(count)],
        wanted_of=_wanted_of,
        create=create,
    )


def _wanted_of(text: bytes, files: Sequence[UploadedFile]) -> list[Wanted]:
    return [
        replace(
            wanted_upload(text, [source_of(file)]),
            source_filename=file.filename,
            source_bytes=file.size,
        )
        for file in files
    ]
