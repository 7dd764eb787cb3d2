"""The application: routes, middleware, and what is open while it runs."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Final, TypedDict

from darkroom_core.background import ended, running
from darkroom_core.storage import open_storage
from darkroom_core.tracing import Tracing, open_tracing
from fastapi import FastAPI
from starlette.types import Scope

from darkroom_api.admin import routes as admin
from darkroom_api.admin import users as admin_users
from darkroom_api.api_keys import routes as api_keys
from darkroom_api.api_keys.authenticator import ApiKeys
from darkroom_api.audit import routes as audit
from darkroom_api.auth import password_routes, session_routes
from darkroom_api.auth import routes as auth
from darkroom_api.auth.accounts import open_accounts
from darkroom_api.auth.admin import ensure_admin_soon
from darkroom_api.auth.passwords import Passwords
from darkroom_api.batches import routes as batches
from darkroom_api.database import open_pool
from darkroom_api.deliveries.telling import open_telling
from darkroom_api.door import add_door
from darkroom_api.events import routes as events
from darkroom_api.events import socket_routes as sockets
from darkroom_api.events.hub import Hub
from darkroom_api.events.pruning import keep_pruned
from darkroom_api.forgetting import forget_for_ever
from darkroom_api.health import routes as health
from darkroom_api.idempotency import ReplayedError, replayed
from darkroom_api.limits import routes as quota
from darkroom_api.limits.limiter import Limiter
from darkroom_api.limits.middleware import Limited
from darkroom_api.mail import preview_routes as mail_previews
from darkroom_api.mail import routes as mail
from darkroom_api.maintenance import routes as maintenance
from darkroom_api.metrics import Metrics
from darkroom_api.metrics.refreshing import keep_fresh
from darkroom_api.middleware import SMALL_BODY, BodyLimit, Observed, media_type
from darkroom_api.objects import routes as objects
from darkroom_api.oidc import routes as oidc_routes
from darkroom_api.oidc.opening import open_oidc
from darkroom_api.openapi import describe
from darkroom_api.problem_handlers import add_problem_handlers
from darkroom_api.recipes import routes as recipes
from darkroom_api.resources import Resources
from darkroom_api.results import routes as results
from darkroom_api.schedules import routes as schedules
from darkroom_api.settings import Settings
from darkroom_api.spool import SpoolRoom
from darkroom_api.tasks import bulk, create, deletion, logs, outputs, progress, retry
from darkroom_api.tasks import routes as tasks
from darkroom_api.tasks.cluster import OpenCluster
from darkroom_api.tasks.housekeeping import keep_house
from darkroom_api.tasks.kept_answers import KeptAnswers
from darkroom_api.tasks.kubernetes_cluster import open_cluster
from darkroom_api.tasks.recipes import LONGEST_RECIPE
from darkroom_api.tasks.submitter import Submitter
from darkroom_api.uploads import routes as uploads
from darkroom_api.uploads import tus
from darkroom_api.uploads.keeping import keep_uploads
from darkroom_api.webhooks import delivery_routes as deliveries
from darkroom_api.webhooks import routes as webhooks

# Boundaries and headers of multipart, and the recipe, come on top of the file.
_MULTIPART_OVERHEAD: Final = SMALL_BODY
_ADMIN_SECONDS: Final = 5
_UPLOADS: Final = ("/v1/uploads", "/v1/tus")


class State(TypedDict):
    """What requests find in `request.state`."""

    resources: Resources


def create_app(
    settings: Settings, *, open_cluster: Callable[[], OpenCluster] = open_cluster
) -> FastAPI:
    """Return the application. Nothing is opened before it starts."""
    metrics = Metrics()
    tracing = open_tracing("darkroom-api", os.environ)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with _opened(settings, metrics, tracing, open_cluster) as resources:
            # Whoever stops the server closes it first: the lifespan ends after the last stream.
            _app.state.hub = resources.hub
            yield {"resources": resources}

    app = FastAPI(
        title="Darkroom",
        version=version("darkroom-api"),
        lifespan=lifespan,
        # Both load scripts from elsewhere, which a cluster may not reach.
        docs_url=None,
        redoc_url=None,
    )
    for router in (*_ROUTERS,):
        app.include_router(router)
    add_problem_handlers(app)
    app.add_exception_handler(ReplayedError, replayed)
    app.add_middleware(BodyLimit, limit_for=lambda scope: _body_limit(scope, settings))
    app.add_middleware(Limited)
    add_door(app, settings)
    app.add_middleware(Observed, metrics=metrics, tracing=tracing)
    describe(app)
    return app


# They are tried one after another: what is asked for most comes first.
_ROUTERS: Final = (
    create.router,
    bulk.router,
    tasks.router,
    retry.router,
    deletion.router,
    auth.router,
    password_routes.router,
    session_routes.router,
    uploads.router,
    tus.options_router,
    tus.router,
    batches.router,
    outputs.router,
    results.router,
    logs.router,
    schedules.router,
    progress.router,
    maintenance.router,
    maintenance.cleanup_router,
    recipes.router,
    webhooks.router,
    webhooks.secret_router,
    deliveries.router,
    mail.router,
    mail_previews.router,
    oidc_routes.router,
    api_keys.router,
    quota.router,
    audit.router,
    events.router,
    sockets.router,
    objects.router,
    admin.router,
    admin_users.router,
    health.router,
)


@asynccontextmanager
async def _opened(
    settings: Settings,
    metrics: Metrics,
    tracing: Tracing | None,
    open_cluster: Callable[[], OpenCluster],
) -> AsyncIterator[Resources]:
    async with AsyncExitStack() as stack:
        if tracing:
            # In a thread: the collector may not answer.
            stack.push_async_callback(asyncio.to_thread, tracing.close)
        cluster = await stack.enter_async_context(open_cluster())
        pool = await stack.enter_async_context(
            open_pool(
                settings.database_url.get_secret_value(),
                connections=settings.database_connections,
            )
        )
        metrics.watch_pool(pool)
        passwords = Passwords()
        admin = asyncio.create_task(ensure_admin_soon(pool, passwords, settings))
        stack.push_async_callback(ended, [admin])
        # Who sees the API ready may sign in as the admin, unless Postgres is away.
        await asyncio.wait([admin], timeout=_ADMIN_SECONDS)
        accounts = await stack.enter_async_context(open_accounts(settings, pool))
        telling = await stack.enter_async_context(open_telling(settings, pool, metrics, tracing))
        hub = await stack.enter_async_context(
            Hub(pool, settings.database_url.get_secret_value()).open()
        )
        keys = ApiKeys(pool)
        oidc = await stack.enter_async_context(open_oidc(pool, settings.oidc))
        submitter = Submitter(pool, cluster, metrics, settings, tracing)
        submitting = asyncio.create_task(submitter.run())
        try:
            resources = Resources(
                settings=settings,
                pool=pool,
                cluster=cluster,
                storage=open_storage(settings.storage),
                passwords=passwords,
                signing_keys=accounts.keys,
                tokens=accounts.tokens,
                ended_sessions=accounts.ended,
                submitter=submitter,
                metrics=metrics,
                spool_room=SpoolRoom(settings.spool_bytes),
                hub=hub,
                telling=telling,
                limits=Limiter(pool, settings.limits, metrics),
                api_keys=keys,
                answers=KeptAnswers(),
                logins=oidc.logins,
                authenticators=(keys, *oidc.tokens),
            )
            async with running(
                keep_pruned(pool, keep_seconds=settings.events.keep_seconds),
                forget_for_ever(pool, audit_days=settings.audit_days),
                keep_house(pool, submitter),
                keep_fresh(metrics, pool, settings),
                keep_uploads(resources),
            ):
                yield resources
        finally:
            submitter.stop()
            await submitting


def _body_limit(scope: Scope, settings: Settings) -> int:
    if scope["method"] == "POST" and scope["path"] == "/v1/tasks":
        # JSON is read in one go on the event loop, so it may be as long as a recipe and no longer.
        if media_type(scope) != "multipart/form-data":
            return LONGEST_RECIPE
        return settings.max_upload_bytes + _MULTIPART_OVERHEAD
    if scope["path"].startswith(_UPLOADS) and media_type(scope) != "application/json":
        return settings.uploads.max_bytes
    if scope["method"] == "PUT":
        return settings.max_output_bytes
    return SMALL_BODY
