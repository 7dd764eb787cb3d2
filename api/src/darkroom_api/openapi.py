"""The OpenAPI document: FastAPI's, with the models that it cannot find by itself."""

import json
from typing import Any, Final

from darkroom_core.task import TaskSpec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from darkroom_api import responses
from darkroom_api.batches.schemas import BatchRequest
from darkroom_api.errors import HeadersTooLargeError
from darkroom_api.limits.describing import add_limits
from darkroom_api.problem import Problem
from darkroom_api.tasks.recipes import NOT_OVER_REST
from darkroom_api.tasks.wanted import Extras

_REFERENCE: Final = "#/components/schemas/{model}"
_DESCRIPTION: Final = """\
Upload pictures, say what to make of them, and get the results.

Every error is a problem document (RFC 9457) whose `code` is stable. The HTTP status speaks of the
request, a task's `status` and `error` of the task.
"""
_TAGS: Final = [
    {"name": "tasks", "description": "Make tasks, look at them, cancel them, get what they made."},
    {"name": "uploads", "description": "Files that come directly, raw, or resumably by tus."},
    {"name": "batches", "description": "Many tasks that are made, and looked at, as one."},
    {"name": "events", "description": "Follow tasks as they go on, by SSE or WebSocket."},
    {"name": "recipes", "description": "Outputs under a name, for tasks to choose from."},
    {"name": "schedules", "description": "Tasks that are made at times of a clock."},
    {"name": "api-keys", "description": "Long-lived tokens for programs."},
    {"name": "auth", "description": "Accounts and access tokens."},
    {"name": "admin", "description": "What operators look at, and what admins change."},
    {"name": "processors", "description": "What processors reach over signed URLs."},
    {"name": "maintenance", "description": "What the operator asks for over signed URLs."},
    {"name": "webhooks", "description": "Whom Darkroom tells what happens to your tasks."},
    {"name": "notifications", "description": "Which mail you get about your tasks."},
    {"name": "problems", "description": "What the errors mean."},
    {"name": "health", "description": "Probes and metrics."},
]
_EXAMPLE: Final = {
    "outputs": [
        {
            "name": "thumb",
            "operations": [{"resize": {"width": 512, "height": 512, "fit": "cover"}}],
            "format": "webp",
        }
    ]
}


_NOT_OF_UPLOADS: Final = ("source", "sources", "cleanup")


def describe(app: FastAPI) -> None:
    """Give the application its OpenAPI document, made when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document_of(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def document_of(app: FastAPI) -> dict[str, Any]:
    """Return the document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=_TAGS,
    )
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _add(schemas, "Problem", Problem.model_json_schema(ref_template=_REFERENCE))
    request = TaskSpec.model_json_schema(ref_template=_REFERENCE)
    for name in NOT_OVER_REST:
        del request["properties"][name]
    extras = Extras.model_json_schema(ref_template=_REFERENCE)
    request["properties"] |= extras["properties"]
    request["$defs"] |= extras.get("$defs", {})
    _add(schemas, "TaskRequest", request)
    schemas["TaskRequest"] |= {
        "description": "A task of URLs, or of files of your own tasks.",
        "examples": [
            {"source": {"url": "https://example.com/photo.jpg"}, **_EXAMPLE},
            {"type": "Inspect", "source": {"url": "https://example.com/photo.jpg"}},
            {"type": "Cleanup", "cleanup": {"olderThanSeconds": 604800, "prefix": "uploads/"}},
        ],
    }
    _, batch = models_json_schema([(BatchRequest, "validation")], ref_template=_REFERENCE)
    schemas |= batch["$defs"]
    schemas["TaskRecipe"] = _without_source(schemas["TaskRequest"])
    for path in document["paths"].values():
        for operation in path.values():
            _drop_fastapis_errors(operation["responses"])
            _add_the_doors(operation["responses"])
    add_limits(document["paths"])
    plain: dict[str, Any] = _plain(document)
    return plain


def _add(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    schema = dict(schema)
    for nested, definition in schema.pop("$defs", {}).items():
        schemas.setdefault(nested, definition)
    schemas[name] = schema


def _without_source(request: dict[str, Any]) -> dict[str, Any]:
    properties = {
        key: value for key, value in request["properties"].items() if key not in _NOT_OF_UPLOADS
    }
    return {
        **request,
        "description": "What to make of an uploaded file.",
        "required": [name for name in request.get("required", []) if name != "source"],
        "properties": properties,
        "examples": [_EXAMPLE],
    }


def _add_the_doors(answers: dict[str, Any]) -> None:
    """Add what is refused before the application sees it, whatever is asked for."""
    for status, answer in responses.of(HeadersTooLargeError).items():
        answers.setdefault(str(status), answer)


def _drop_fastapis_errors(responses: dict[str, Any]) -> None:
    """Invalid requests are answered with a problem, not with FastAPI's own document."""
    schema = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema and schema.get("$ref", "").endswith("/HTTPValidationError"):
        del responses["422"]


def _plain(value: Any) -> Any:  # noqa: ANN401  # JSON
    """Leave out what is for Kubernetes alone."""
    if isinstance(value, dict):
        return {
            key: _plain(item)
            for key, item in value.items()
            if not str(key).startswith("x-kubernetes-")
        }
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def text() -> str:
    """Return the document as it is checked in: the same text for the same code."""
    from darkroom_api.app import create_app  # noqa: PLC0415  # the application imports this module
    from darkroom_api.settings import Settings  # noqa: PLC0415

    settings = Settings.model_validate(
        {
            "database_url": "postgresql://",
            "jwt_key": "0" * 32,
            "storage": {"signing_key": "0" * 32},
        }
    )
    return json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False) + "\n"
