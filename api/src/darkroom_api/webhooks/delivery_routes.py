"""The log of deliveries: /v1/deliveries, and what is sent again."""

import base64
import binascii
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query

from darkroom_api import errors, responses
from darkroom_api.deps import Res, WebhookWriter
from darkroom_api.problem import InvalidField
from darkroom_api.webhooks import log
from darkroom_api.webhooks.log import DeliveryRow
from darkroom_api.webhooks.schemas import (
    AttemptView,
    DeliveryDetail,
    DeliveryPage,
    DeliveryStatus,
    DeliveryView,
    Replay,
    Replayed,
)

router = APIRouter(prefix="/v1/deliveries", tags=["webhooks"])

_ALWAYS: Final = (errors.UnauthorizedError, errors.ForbiddenError, errors.UnavailableError)
_DIGITS: Final = 18

_Word = Query(max_length=100, pattern=r"^[^\x00]*$")


@router.get(
    "", operation_id="listDeliveries", responses=responses.of(*_ALWAYS, errors.InvalidError)
)
async def list_deliveries(  # noqa: PLR0913, PLR0917  # the list's parameters
    identity: WebhookWriter,
    resources: Res,
    webhook: Annotated[str | None, _Word] = None,
    task: Annotated[str | None, _Word] = None,
    status: DeliveryStatus | None = None,
    type: Annotated[str | None, _Word] = None,  # noqa: A002  # the parameter's name
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> DeliveryPage:
    """Return what your receivers were told, or will be, the newest first."""
    wanted = log.Filter(
        identity.user_id, webhook, task, status, type, _position(cursor) if cursor else None
    )
    async with resources.pool.connection() as connection:
        rows = await log.deliveries(connection, wanted, limit=limit + 1)
    shown = rows[:limit]
    has_more = len(rows) > limit
    return DeliveryPage(
        data=[delivery_view(row) for row in shown],
        has_more=has_more,
        next_cursor=_cursor(shown[-1].position) if has_more else None,
    )


@router.get(
    "/{delivery_id}",
    operation_id="getDelivery",
    responses=responses.of(*_ALWAYS, errors.NotFoundError),
)
async def get_delivery(delivery_id: str, identity: WebhookWriter, resources: Res) -> DeliveryDetail:
    """Return a delivery, with what is sent and what came of each try."""
    async with resources.pool.connection() as connection, connection.transaction():
        # A try that ends between the two statements is in neither.
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = await log.delivery(connection, _stored(delivery_id), identity.user_id)
        tries = await log.attempts_of(connection, row.id) if row else []
    found = _found(row, delivery_id)
    return DeliveryDetail(
        **delivery_view(found).model_dump(),
        body=found.body,
        log=[AttemptView(**vars(entry)) for entry in tries],
    )


@router.post(
    "/{delivery_id}/replay",
    operation_id="replayDelivery",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses.of(*_ALWAYS, errors.NotFoundError),
)
async def replay_delivery(
    delivery_id: str, identity: WebhookWriter, resources: Res
) -> DeliveryView:
    """Send something again: the same id, the same body, a new signature."""
    async with resources.pool.connection() as connection, connection.transaction():
        await log.replay_one(connection, _stored(delivery_id), identity.user_id)
        row = await log.delivery(connection, _stored(delivery_id), identity.user_id)
    resources.telling.teller.wake()
    return delivery_view(_found(row, delivery_id))


@router.post(
    "/replay",
    operation_id="replayDeliveries",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses.of(
        *_ALWAYS, errors.BadRequestError, errors.InvalidError, errors.TooLargeError
    ),
)
async def replay_deliveries(wanted: Replay, identity: WebhookWriter, resources: Res) -> Replayed:
    """Send everything again that has failed since some time; not to endpoints that are disabled."""
    async with resources.pool.connection() as connection:
        number = await log.replay_failed(
            connection, identity.user_id, since=wanted.since, endpoint=wanted.webhook
        )
    resources.telling.teller.wake()
    return Replayed(replayed=number)


def delivery_view(row: DeliveryRow) -> DeliveryView:
    """Return a delivery as REST shows it."""
    return DeliveryView.model_validate(
        {
            "id": row.id,
            "webhook": row.endpoint,
            "url": row.url,
            "task": row.task_id,
            "type": row.type,
            "status": row.status,
            "attempts": row.tries,
            "next_attempt_at": row.due_at if row.status == "pending" else None,
            "error": row.error,
            "created_at": row.created_at,
            "finished_at": row.finished_at,
        }
    )


def _found(row: DeliveryRow | None, delivery_id: str) -> DeliveryRow:
    if row is None:
        raise errors.NotFoundError(f"there is no delivery {delivery_id}")
    return row


def _stored(delivery_id: str) -> str:
    """Postgres takes no NUL in a text; no delivery has one in its id."""
    return delivery_id.replace("\0", "")


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        if text.isdigit() and len(text) <= _DIGITS:
            return int(text)
    except (ValueError, binascii.Error):
        pass
    sentence = "this is not a cursor: use next_cursor of the page before, unchanged"
    raise errors.InvalidError(
        sentence, errors=[InvalidField(pointer="#/query/cursor", detail=sentence)]
    )
