"""Which limit a route's requests count against."""

from enum import StrEnum
from typing import Any, Final

from fastapi import Depends
from starlette.types import Scope


class RouteClass(StrEnum):
    """The kinds of routes that have limits of their own."""

    READ = "read"
    """GET and HEAD, where nothing else is said."""
    WRITE = "write"
    """All other methods, where nothing else is said."""
    UPLOAD = "upload"
    """What takes in files."""
    STREAM = "stream"
    """What stays open: SSE and WebSockets."""
    AUTH = "auth"
    """Everything below /v1/auth/, which is counted by address."""


_ATTRIBUTE: Final = "darkroom_route_class"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def route_class(wanted: RouteClass) -> Any:  # noqa: ANN401  # as Depends is typed
    """Return a dependency that says, in `dependencies=` of a route or router, what it counts as."""

    async def declared() -> None:
        """Do nothing: it is looked for by its attribute."""

    setattr(declared, _ATTRIBUTE, wanted)
    return Depends(declared)


_known: Final[dict[int, tuple[object, RouteClass | None]]] = {}


def class_of(scope: Scope) -> RouteClass:
    """Return what the request counts as."""
    declared = _declared(scope.get("route"))
    if declared is not None:
        return declared
    if scope["type"] == "websocket":
        return RouteClass.STREAM
    return RouteClass.READ if scope["method"] in _READING else RouteClass.WRITE


def _declared(route: object | None) -> RouteClass | None:
    if route is None:
        return None
    known = _known.get(id(route))
    # The route is kept beside its answer, so that nothing else ever gets its id.
    if known is None or known[0] is not route:
        known = _known[id(route)] = (route, _declared_by(getattr(route, "dependencies", ())))
    return known[1]


def _declared_by(dependencies: Any) -> RouteClass | None:  # noqa: ANN401  # Starlette's routes have none
    found: RouteClass | None = None
    for depends in dependencies:
        found = getattr(depends.dependency, _ATTRIBUTE, found)
    return found
