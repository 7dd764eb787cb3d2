"""Schedules: make them, look at them, change and suspend them, run them now, delete them."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from darkroom_core import names
from fastapi import APIRouter, Path, Request, Response

from darkroom_api import errors, responses
from darkroom_api.auth.identity import Identity
from darkroom_api.deps import Res, ScheduleWriter, TaskReader
from darkroom_api.problem import InvalidField
from darkroom_api.resources import Resources
from darkroom_api.schedules.resource import changed, owner_of, resource_of, task_of, view_of
from darkroom_api.schedules.schemas import (
    NewSchedule,
    ScheduleChange,
    ScheduleList,
    ScheduleView,
)
from darkroom_api.tasks import answers
from darkroom_api.tasks.access import scope_of
from darkroom_api.tasks.creation import create_tasks, refuse_unusable_recipes
from darkroom_api.tasks.ids import new_id
from darkroom_api.tasks.keys import refuse_foreign_keys
from darkroom_api.tasks.recipes import spec_for_document
from darkroom_api.tasks.refusing import told
from darkroom_api.tasks.schemas import TaskView
from darkroom_api.tasks.source_addresses import refuse_private_addresses
from darkroom_api.tasks.wanted import Wanted

router = APIRouter(prefix="/v1/schedules", tags=["schedules"])

_PLACES: Final = {"spec.task.spec": "#/task", "spec": "#"}
_MOST: Final = 100
_READING: Final = responses.of(
    errors.UnauthorizedError, errors.ForbiddenError, errors.UnavailableError
)
_ONE: Final = _READING | responses.of(errors.NotFoundError)
_WRITING: Final = _READING | responses.of(errors.BadRequestError, errors.InvalidError)
Id = Annotated[str, Path(description="The schedule's id.", max_length=253)]


@router.post(
    "",
    operation_id="createSchedule",
    status_code=HTTPStatus.CREATED,
    responses=_WRITING | responses.of(errors.TooManySchedulesError),
)
async def create_schedule(
    wanted: NewSchedule,
    request: Request,
    response: Response,
    identity: ScheduleWriter,
    resources: Res,
) -> ScheduleView:
    """Make a schedule. What its tasks make is yours, and counts against no quota beforehand."""
    task = await _checked_task(resources, identity, wanted.task)
    namespace = resources.settings.namespace
    owned = f"{names.USER_LABEL}={identity.user_id}"
    id_ = f"schedule-{new_id().removeprefix('task-')}"
    with told(_PLACES):
        if len(await resources.cluster.all(names.SCHEDULE, namespace, labels=owned)) >= _MOST:
            raise errors.TooManySchedulesError(f"you have {_MOST} schedules: delete one first")
        made = await resources.cluster.create(
            names.SCHEDULE,
            resource_of(wanted, task, id_=id_, namespace=namespace, owner=identity.user_id),
        )
    response.headers["Location"] = f"{request.base_url}v1/schedules/{id_}"
    return view_of(made)


@router.get("", operation_id="listSchedules", responses=_READING)
async def list_schedules(identity: TaskReader, resources: Res) -> ScheduleList:
    """List schedules of tasks: one's own, or as an operator or admin all."""
    owner = scope_of(identity)
    labels = f"{names.USER_LABEL}={owner}" if owner else ""
    with told(_PLACES):
        found = await resources.cluster.all(
            names.SCHEDULE, resources.settings.namespace, labels=labels
        )
    # Ids are made of the time.
    return ScheduleList(
        data=sorted(
            (view_of(one) for one in found if task_of(one)), key=lambda s: s.id, reverse=True
        )
    )


@router.get("/{schedule_id}", operation_id="getSchedule", responses=_ONE)
async def get_schedule(schedule_id: Id, identity: TaskReader, resources: Res) -> ScheduleView:
    """Look at a schedule: when it ran last, and when it runs next."""
    return view_of(await _visible(resources, identity, schedule_id))


@router.patch(
    "/{schedule_id}",
    operation_id="updateSchedule",
    responses=_ONE | _WRITING | responses.of(errors.ChangedMeanwhileError),
)
async def update_schedule(
    schedule_id: Id, change: ScheduleChange, identity: ScheduleWriter, resources: Res
) -> ScheduleView:
    """Change a schedule, or suspend it and let it go on: `{"suspend": true}`."""
    found = await _visible(resources, identity, schedule_id)
    as_owner = replace(identity, user_id=owner_of(found) or identity.user_id)
    task = await _checked_task(resources, as_owner, change.task) if change.task else None
    with told(_PLACES):
        return view_of(
            await resources.cluster.replace(names.SCHEDULE, changed(found, change, task))
        )


@router.delete(
    "/{schedule_id}",
    operation_id="deleteSchedule",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_ONE,
)
async def delete_schedule(schedule_id: Id, identity: ScheduleWriter, resources: Res) -> None:
    """Delete a schedule. Its tasks that have not ended are canceled; what was made stays."""
    found = await _visible(resources, identity, schedule_id)
    metadata = found["metadata"]
    with told(_PLACES):
        await resources.cluster.delete(
            names.SCHEDULE, metadata["namespace"], metadata["name"], uid=metadata["uid"]
        )


@router.post(
    "/{schedule_id}/run",
    operation_id="runSchedule",
    status_code=HTTPStatus.ACCEPTED,
    response_model=TaskView,
    responses=_ONE | responses.of(errors.InvalidError, errors.QuotaExceededError),
)
async def run_schedule(
    schedule_id: Id, request: Request, identity: ScheduleWriter, resources: Res
) -> Response:
    """Make its task now, beside those of its times. It is the owner's, and has its quota."""
    found = await _visible(resources, identity, schedule_id)
    as_owner = replace(identity, user_id=owner_of(found) or identity.user_id)
    spec = {name: value for name, value in task_of(found).items() if value is not None}
    # Written by kubectl, it may be what REST does not take.
    spec.pop("suspend", None)
    wanted = Wanted(spec_for_document(spec), metadata={"schedule": schedule_id[:500]})
    (row,) = await create_tasks(resources, as_owner, [wanted])
    return answers.created(request, resources, row)


async def _visible(resources: Resources, identity: Identity, schedule_id: str) -> dict[str, Any]:
    with told(_PLACES):
        found = await resources.cluster.one(
            names.SCHEDULE, resources.settings.namespace, schedule_id
        )
    is_seen = found and (identity.sees_all or owner_of(found) == identity.user_id)
    # The retention sweep is the chart's.
    if not found or not is_seen or not task_of(found):
        raise errors.NotFoundError(f"there is no schedule {schedule_id}")
    return found


async def _checked_task(
    resources: Resources, identity: Identity, document: dict[str, Any]
) -> dict[str, Any]:
    try:
        spec = spec_for_document(document)
        written = spec.document()
        refuse_private_addresses(written, resources.settings.allowed_source_networks, pointer="#")
        await refuse_unusable_recipes(resources, [Wanted(spec)])
    except errors.InvalidError as error:
        raise errors.InvalidError(error.detail, errors=_under_task(error)) from None
    async with resources.pool.connection() as connection:
        await refuse_foreign_keys(connection, written, owner=scope_of(identity), pointer="#/task")
    return written


def _under_task(error: errors.InvalidError) -> list[InvalidField]:
    return [
        InvalidField(pointer="#/task" + field.pointer.removeprefix("#"), detail=field.detail)
        for field in error.errors or ()
    ]
