"""The filters of lists and of bulk requests, as clients write them."""

from typing import Annotated, Final, Self
from uuid import UUID

from darkroom_core.conditions import State
from darkroom_core.vocabulary import TaskType
from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from darkroom_api.auth.identity import Identity
from darkroom_api.errors import ForbiddenError, InvalidError
from darkroom_api.problem import InvalidField
from darkroom_api.tasks.access import scope_of
from darkroom_api.tasks.filters import Filter
from darkroom_api.tasks.metadata import Key, Value

MOST_IDS: Final = 1000
_MOST_LABELS: Final = 10

Name = Annotated[str, StringConstraints(max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
BatchId = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9-]+$")]
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Label = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}=[^\x00-\x1f\x7f]{0,500}$")
]
TaskId = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9.-]+$")]


class TaskFilter(BaseModel):
    """Which tasks are meant: those that fit every condition."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[list[State], Field(max_length=len(State))] = Field(
        default=[], description="In one of these states.", examples=[["failed", "canceled"]]
    )
    type: TaskType | None = Field(None, description="Of this type.")
    recipe: Name | None = Field(None, description="Made with this recipe.")
    pool: Name | None = Field(None, description="In the turn of this pool.")
    batch: BatchId | None = Field(None, description="Made in this batch.")
    created_after: AwareDatetime | None = Field(None, description="Made after this moment.")
    created_before: AwareDatetime | None = Field(None, description="Made before this moment.")
    label: Annotated[dict[Key, Value], Field(max_length=_MOST_LABELS)] = Field(
        default={},
        description="With these entries in its metadata.",
        examples=[{"order": "42"}],
    )
    q: Text | None = Field(
        None, description="With words that begin so, in its metadata's values or file name."
    )
    dead_lettered: bool | None = Field(
        None, description="Whether it is a dead letter, which a replay may help."
    )
    owner: UUID | None = Field(None, description="Of this user: for operators and admins.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one condition")
        return self


async def from_query(  # noqa: PLR0913, PLR0917  # the query's parameters
    status: Annotated[
        list[State] | None,
        Query(max_length=6, description="Only tasks in this state; several: in one of them."),
    ] = None,
    type_: Annotated[
        TaskType | None, Query(alias="type", description="Only tasks of this type.")
    ] = None,
    recipe: Annotated[Name | None, Query(description="Only tasks made with this recipe.")] = None,
    pool: Annotated[
        Name | None, Query(description="Only tasks in the turn of this ProcessorPool.")
    ] = None,
    batch: Annotated[BatchId | None, Query(description="Only tasks of this batch.")] = None,
    created_after: Annotated[
        AwareDatetime | None,
        Query(description="Only tasks made after it.", examples=["2026-11-01T00:00:00Z"]),
    ] = None,
    created_before: Annotated[
        AwareDatetime | None, Query(description="Only tasks made before it.")
    ] = None,
    label: Annotated[
        list[Label] | None,
        Query(
            max_length=_MOST_LABELS,
            description="Only tasks with this entry in their metadata, as key=value; several: "
            "with all of them.",
            examples=[["order=42"]],
        ),
    ] = None,
    q: Annotated[
        Text | None,
        Query(description="Only tasks with words that begin so, in metadata or file name."),
    ] = None,
    dead_lettered: Annotated[
        bool | None, Query(description="Only tasks that a replay may help, or only the others.")
    ] = None,
    owner: Annotated[
        UUID | None, Query(description="Only this user's: for operators and admins.")
    ] = None,
) -> TaskFilter:
    """Return the filter in a request's query."""
    return TaskFilter.model_construct(
        status=status or [],
        type=type_,
        recipe=recipe,
        pool=pool,
        batch=batch,
        created_after=created_after,
        created_before=created_before,
        label=dict(entry.split("=", 1) for entry in label or ()),
        q=q,
        dead_lettered=dead_lettered,
        owner=owner,
    )


def of_list(wanted: TaskFilter, identity: Identity) -> Filter:
    """Return the filter among all tasks that may be seen."""
    return _filter(wanted, wanted.owner if _may(wanted, identity) else scope_of(identity))


def of_change(wanted: TaskFilter, identity: Identity) -> Filter:
    """Return the filter among one's own tasks, or those of the one user that is named."""
    return _filter(wanted, wanted.owner if _may(wanted, identity) else identity.user_id)


def _may(wanted: TaskFilter, identity: Identity) -> bool:
    if wanted.owner is None or wanted.owner == identity.user_id:
        return False
    if scope_of(identity) is not None:
        raise ForbiddenError("owner is for operators and admins: leave it out to see your own")
    return True


def _filter(wanted: TaskFilter, owner: UUID | None) -> Filter:
    if wanted.q is not None and not any(letter.isalnum() for letter in wanted.q):
        sentence = "q needs a letter or a digit"
        raise InvalidError(sentence, errors=[InvalidField(pointer="#/query/q", detail=sentence)])
    return Filter(
        owner=owner,
        status=tuple(sorted({state.value for state in wanted.status})),
        type=wanted.type.value if wanted.type else None,
        recipe=wanted.recipe,
        pool=wanted.pool,
        batch=wanted.batch,
        created_after=wanted.created_after,
        created_before=wanted.created_before,
        labels=wanted.label,
        text=wanted.q,
        dead_lettered=wanted.dead_lettered,
    )
