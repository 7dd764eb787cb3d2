"""Signing in at an OpenID provider."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from darkroom_api import audit, errors, responses
from darkroom_api.auth import queries as users
from darkroom_api.auth import sessions
from darkroom_api.auth.schemas import AccessToken
from darkroom_api.deps import Res
from darkroom_api.oidc.login import SECONDS, Logins
from darkroom_api.oidc.people import person_of, user_for
from darkroom_api.resources import Resources

router = APIRouter(prefix="/v1/auth/oidc", tags=["auth"])

_PATH: Final = "/v1/auth/oidc"
_LONGEST: Final = 4096
_Text = Annotated[str | None, Query(max_length=_LONGEST)]


@router.get(
    "/login",
    operation_id="beginOidcLogin",
    status_code=HTTPStatus.FOUND,
    response_class=RedirectResponse,
    responses={
        302: {"description": "To the provider's login page."},
        **responses.of(errors.NotFoundError, errors.UnavailableError),
    },
)
async def begin_oidc_login(request: Request, resources: Res) -> Response:
    """Begin a login: the browser is sent to the OpenID provider, and comes back to the callback."""
    begun = await _logins(resources).begin(_redirect_uri(request, resources))
    response = RedirectResponse(begun.url, HTTPStatus.FOUND)
    response.set_cookie(
        _cookie_name(request),
        begun.cookie,
        max_age=SECONDS,
        path="/" if _is_secure(request) else _PATH,
        secure=_is_secure(request),
        httponly=True,
        # The provider's page is another site: strict cookies would not come back from it.
        samesite="lax",
    )
    return response


@router.get(
    "/callback",
    operation_id="finishOidcLogin",
    responses=responses.of(
        errors.OidcLoginError,
        errors.UnauthorizedError,
        errors.NotFoundError,
        errors.InvalidError,
        errors.UnavailableError,
    ),
)
async def finish_oidc_login(  # noqa: PLR0913, PLR0917  # the query's parameters
    request: Request,
    response: Response,
    resources: Res,
    code: _Text = None,
    state: _Text = None,
    iss: _Text = None,
    error: _Text = None,
) -> AccessToken:
    """Finish a login: exchange the provider's code for a session of Darkroom's own."""
    logins = _logins(resources)
    if error is not None:
        raise errors.OidcLoginError(f"the OpenID provider answers {error[:100]!r}: begin again")
    cookie = request.cookies.get(_cookie_name(request))
    if not code or not state or not cookie:
        raise errors.OidcLoginError(
            "this browser has not begun a login: begin at /v1/auth/oidc/login"
        )
    subject: str | None = None
    try:
        claims = await logins.finish(state=state, code=code, cookie=cookie, issuer=iss)
        subject = claims["sub"]
        known = await user_for(resources.pool, person_of(claims), resources.settings.oidc, request)
    except (errors.OidcLoginError, errors.UnauthorizedError) as refusal:
        async with resources.pool.connection() as connection:
            await audit.record(
                *(connection, audit.Event.OIDC_REFUSED),
                actor=None,
                subject=subject,
                request=request,
                reason=refusal.detail,
            )
        raise
    response.delete_cookie(
        _cookie_name(request),
        path="/" if _is_secure(request) else _PATH,
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )
    async with resources.pool.connection() as connection:
        user = await users.user_by_id(connection, known.id)
        if user is None:
            raise errors.UnauthorizedError("this user does not exist any more")
        return await sessions.start(connection, resources, user, request)


def _logins(resources: Resources) -> Logins:
    if resources.logins is None:
        raise errors.NotFoundError("no OpenID provider is set up here: sign in with a password")
    return resources.logins


def _redirect_uri(request: Request, resources: Resources) -> str:
    base = resources.settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}{_PATH}/callback"


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _cookie_name(request: Request) -> str:
    """With this prefix browsers take it from this host alone, and only encrypted."""
    return "__Host-darkroom-oidc" if _is_secure(request) else "darkroom-oidc"
