"""The sweep over HTTP: whoever has the storage's signing key may ask for it."""

from typing import Annotated, Final

from darkroom_core.storage.signing import SWEEP_PATH
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from darkroom_api import errors, responses
from darkroom_api.deps import Bytes, Database
from darkroom_api.maintenance.sweep import sweep
from darkroom_api.objects.signature import check_signature

router = APIRouter(prefix=SWEEP_PATH.rstrip("/"), tags=["maintenance"])

_NEVER: Final = "never"


class SweptView(BaseModel):
    """What one call deleted."""

    objects: int = Field(description="Objects in storage.")
    rows: int = Field(description="Tasks of which nothing is left.")
    more: bool = Field(description="Whether there may be more: call again.")


Age = Annotated[
    str,
    Path(
        pattern=r"^([0-9]{1,9}|never)$",
        description="Seconds after the task's end, or never.",
        examples=["2592000", _NEVER],
    ),
]


@router.post(
    "/{outputs}/{history}",
    operation_id="sweep",
    dependencies=[Depends(check_signature)],
    responses=responses.of(
        errors.InvalidSignatureError, errors.InvalidError, errors.UnavailableError
    ),
)
async def post_sweep(outputs: Age, history: Age, pool: Database, storage: Bytes) -> SweptView:
    """Delete a batch of old outputs and uploads, and of old tasks with all that is theirs."""
    swept = await sweep(pool, storage, outputs_age=_seconds(outputs), history_age=_seconds(history))
    return SweptView(objects=swept.objects, rows=swept.rows, more=swept.is_more)


def _seconds(age: str) -> int | None:
    return None if age == _NEVER else int(age)
