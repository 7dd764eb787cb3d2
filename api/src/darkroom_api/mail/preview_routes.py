"""For admins: what mails look like, and what became of them; nothing here sends any."""

import json
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from darkroom_api import errors, responses
from darkroom_api.deps import AdminReader, Res
from darkroom_api.mail import queries
from darkroom_api.mail.outbox import Template
from darkroom_api.mail.pages import page
from darkroom_api.mail.rendering import Rendered, render
from darkroom_api.mail.samples import sample_of
from darkroom_api.mail.schemas import MailList, MailView

router = APIRouter(prefix="/v1/admin", tags=["admin"])

_ALWAYS: Final = (errors.UnauthorizedError, errors.ForbiddenError)
_PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/html": {}, "text/plain": {}}}
}
Kind = Literal["html", "text"]


@router.get(
    "/mail-templates/{template}",
    operation_id="previewMailTemplate",
    response_class=Response,
    responses={**_PAGE, **responses.of(*_ALWAYS, errors.InvalidError)},
)
async def preview_template(
    template: Template, _identity: AdminReader, kind: Kind = "html"
) -> Response:
    """Render a template with values of nobody's."""
    return _shown(render(template, sample_of(template)), kind)


@router.get(
    "/mails",
    operation_id="listMails",
    responses=responses.of(*_ALWAYS, errors.InvalidError, errors.UnavailableError),
)
async def list_mails(
    _identity: AdminReader, resources: Res, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> MailList:
    """Return the newest mails and what became of them, not what they say."""
    async with resources.pool.connection() as connection:
        rows = await queries.newest_mails(connection, limit=limit)
    return MailList(
        data=[
            MailView.model_validate({**vars(row), "to": row.recipient}, from_attributes=True)
            for row in rows
        ]
    )


@router.get(
    "/mails/{mail_id}/page",
    operation_id="previewMail",
    response_class=Response,
    responses={
        **_PAGE,
        **responses.of(
            *_ALWAYS, errors.NotFoundError, errors.InvalidError, errors.UnavailableError
        ),
    },
)
async def preview_mail(
    mail_id: str, _identity: AdminReader, resources: Res, kind: Kind = "html"
) -> Response:
    """Render a mail that was not sent because DARKROOM_MAIL__PREVIEW is set."""
    async with resources.pool.connection() as connection:
        mail = await queries.previewed_mail(connection, mail_id.replace("\0", ""))
    if mail is None:
        raise errors.NotFoundError(f"there is no mail {mail_id} that was kept to be looked at")
    values = {"unsubscribe_url": None, **json.loads(mail.body)}
    return _shown(render(Template(mail.template), values), kind)


def _shown(rendered: Rendered, kind: Kind) -> Response:
    if kind == "html":
        response: HTMLResponse = page(rendered.html)
        return response
    return PlainTextResponse(f"Subject: {rendered.subject}\n\n{rendered.text}")
