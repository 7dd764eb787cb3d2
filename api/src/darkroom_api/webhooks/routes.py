"""The endpoints about webhooks: /v1/webhooks, and the default secret of tasks' own URLs."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

import uuid_utils
from fastapi import APIRouter, Request

from darkroom_api import errors, responses
from darkroom_api.audit import Event, record
from darkroom_api.database import Connection
from darkroom_api.deps import Res, WebhookWriter
from darkroom_api.webhooks import endpoints, log
from darkroom_api.webhooks.delivery_routes import delivery_view
from darkroom_api.webhooks.endpoints import EndpointRow
from darkroom_api.webhooks.events import EventType
from darkroom_api.webhooks.payload import body_of
from darkroom_api.webhooks.schemas import (
    DeliveryView,
    NewWebhook,
    Rotation,
    SecretView,
    WebhookChange,
    WebhookList,
    WebhookView,
    WebhookWithSecret,
)
from darkroom_api.webhooks.signature import as_shown, new_secret
from darkroom_api.webhooks.urls import check

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
secret_router = APIRouter(prefix="/v1/me", tags=["webhooks"])

MOST: Final = 20
"""How many endpoints a user may have."""

_ALWAYS: Final = (errors.UnauthorizedError, errors.ForbiddenError, errors.UnavailableError)
_ONE: Final = (*_ALWAYS, errors.NotFoundError)
_BODY: Final = (errors.BadRequestError, errors.InvalidError, errors.TooLargeError)


@router.post(
    "",
    operation_id="createWebhook",
    status_code=HTTPStatus.CREATED,
    responses=responses.of(*_ALWAYS, *_BODY, errors.TooManyWebhooksError),
)
async def create_webhook(
    wanted: NewWebhook, identity: WebhookWriter, resources: Res, request: Request
) -> WebhookWithSecret:
    """Have an endpoint of yours told what happens to your tasks.

    Keep the secret that is in the answer: it is never shown again.
    """
    check(wanted.url, resources.settings.webhooks)
    endpoint_id = f"we-{uuid_utils.uuid7().hex}"
    secret = new_secret()
    async with resources.pool.connection() as connection, connection.transaction():
        row = await endpoints.insert_endpoint(
            connection,
            endpoint_id=endpoint_id,
            owner=identity.user_id,
            url=wanted.url,
            description=wanted.description,
            types=wanted.types,
            secret=resources.telling.seal.seal(secret, owner=endpoint_id),
            most=MOST,
        )
        if row is None:
            raise errors.TooManyWebhooksError(
                f"you have {MOST} webhooks: delete one, or change one"
            )
        await record(
            connection,
            Event.WEBHOOK_MADE,
            actor=identity.user_id,
            subject=endpoint_id,
            request=request,
        )
    return WebhookWithSecret(**view_of(row).model_dump(), secret=as_shown(secret))


@router.get("", operation_id="listWebhooks", responses=responses.of(*_ALWAYS))
async def list_webhooks(identity: WebhookWriter, resources: Res) -> WebhookList:
    """Return your endpoints."""
    async with resources.pool.connection() as connection:
        rows = await endpoints.endpoints(connection, identity.user_id)
    return WebhookList(data=[view_of(row) for row in rows])


@router.get("/{webhook_id}", operation_id="getWebhook", responses=responses.of(*_ONE))
async def get_webhook(webhook_id: str, identity: WebhookWriter, resources: Res) -> WebhookView:
    """Return an endpoint."""
    async with resources.pool.connection() as connection:
        return view_of(await _endpoint(connection, webhook_id, identity.user_id))


@router.patch("/{webhook_id}", operation_id="changeWebhook", responses=responses.of(*_ONE, *_BODY))
async def change_webhook(
    webhook_id: str, change: WebhookChange, identity: WebhookWriter, resources: Res
) -> WebhookView:
    """Change an endpoint, disable it, or enable it again."""
    if change.url is not None:
        check(change.url, resources.settings.webhooks)
    async with resources.pool.connection() as connection, connection.transaction():
        row = await _endpoint(connection, webhook_id, identity.user_id)
        is_enabled = row.disabled_at is None if change.enabled is None else change.enabled
        is_described = "description" in change.model_fields_set
        changed = await endpoints.change_endpoint(
            connection,
            row.id,
            identity.user_id,
            url=change.url or row.url,
            description=change.description if is_described else row.description,
            types=change.types or row.types,
            is_enabled=is_enabled,
        )
    return view_of(_found(changed, webhook_id))


@router.delete(
    "/{webhook_id}",
    operation_id="deleteWebhook",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses.of(*_ONE),
)
async def delete_webhook(webhook_id: str, identity: WebhookWriter, resources: Res) -> None:
    """Remove an endpoint, with the log of its deliveries. Nothing more is sent to it."""
    async with resources.pool.connection() as connection:
        if not await endpoints.delete_endpoint(connection, _stored(webhook_id), identity.user_id):
            raise errors.NotFoundError(f"there is no webhook {webhook_id}")


@router.post(
    "/{webhook_id}/secret",
    operation_id="rotateWebhookSecret",
    responses=responses.of(*_ONE, *_BODY),
)
async def rotate_webhook_secret(
    webhook_id: str, rotation: Rotation, identity: WebhookWriter, resources: Res, request: Request
) -> SecretView:
    """Give an endpoint another secret.

    For the time of grace each webhook has two signatures, by the new secret and the one before.
    """
    secret = new_secret()
    endpoint_id = _stored(webhook_id)
    async with resources.pool.connection() as connection, connection.transaction():
        row = await endpoints.rotate_secret(
            connection,
            endpoint_id,
            identity.user_id,
            secret=resources.telling.seal.seal(secret, owner=endpoint_id),
            grace_seconds=rotation.grace_seconds,
        )
        until = _found(row, webhook_id).previous_secret_until
        await _record_rotation(connection, identity.user_id, endpoint_id, request)
    return SecretView(secret=as_shown(secret), previous_secret_until=until)


@router.post(
    "/{webhook_id}/test",
    operation_id="testWebhook",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses.of(*_ONE, errors.WebhookDisabledError),
)
async def test_webhook(webhook_id: str, identity: WebhookWriter, resources: Res) -> DeliveryView:
    """Send an event of the type webhook.test to an endpoint."""
    delivery_id = f"msg-{uuid_utils.uuid7().hex}"
    async with resources.pool.connection() as connection, connection.transaction():
        row = await _endpoint(connection, webhook_id, identity.user_id)
        if row.disabled_at:
            raise errors.WebhookDisabledError(f"{row.id} is disabled: enable it first")
        body = body_of(EventType.TEST, datetime.now(UTC), {"webhook": row.id})
        await log.insert_test(
            connection,
            delivery_id,
            identity.user_id,
            endpoint=row.id,
            type_=EventType.TEST,
            body=body,
        )
        made = await log.delivery(connection, delivery_id, identity.user_id)
    resources.telling.teller.wake()
    assert made  # noqa: S101  # it was inserted in this transaction
    return delivery_view(made)


@secret_router.post(
    "/webhook-secret",
    operation_id="rotateDefaultWebhookSecret",
    responses=responses.of(*_ALWAYS, *_BODY),
)
async def rotate_default_secret(
    rotation: Rotation, identity: WebhookWriter, resources: Res, request: Request
) -> SecretView:
    """Make, or replace, the secret that signs webhooks to the URLs of single tasks."""
    secret = new_secret()
    async with resources.pool.connection() as connection, connection.transaction():
        until = await endpoints.rotate_default_secret(
            connection,
            identity.user_id,
            secret=resources.telling.seal.seal(secret, owner=str(identity.user_id)),
            grace_seconds=rotation.grace_seconds,
        )
        await _record_rotation(connection, identity.user_id, None, request)
    return SecretView(secret=as_shown(secret), previous_secret_until=until)


def view_of(row: EndpointRow) -> WebhookView:
    """Return an endpoint as REST shows it."""
    until = row.previous_secret_until
    return WebhookView.model_validate(
        {
            "id": row.id,
            "url": row.url,
            "description": row.description,
            "types": row.types,
            "enabled": row.disabled_at is None,
            "disabled_at": row.disabled_at,
            "disabled_because": row.disabled_because,
            "failing_since": row.failing_since,
            "previous_secret_until": until if until and until > datetime.now(UTC) else None,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )


async def _record_rotation(
    connection: Connection, actor: UUID, endpoint_id: str | None, request: Request
) -> None:
    await record(
        connection, Event.WEBHOOK_SECRET_ROTATED, actor=actor, subject=endpoint_id, request=request
    )


async def _endpoint(connection: Connection, webhook_id: str, owner: UUID) -> EndpointRow:
    return _found(await endpoints.endpoint(connection, _stored(webhook_id), owner), webhook_id)


def _found(row: EndpointRow | None, webhook_id: str) -> EndpointRow:
    if row is None:
        raise errors.NotFoundError(f"there is no webhook {webhook_id}")
    return row


def _stored(webhook_id: str) -> str:
    """Postgres takes no NUL in a text; no endpoint has one in its id."""
    return webhook_id.replace("\0", "")
