"""How a service logs: its own lines, and those of every library that it uses, in one shape.

Each line says what it is about (a request, a task, a trace) by itself: that is in the context in
which it is written.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, TextIO

from pydantic import BaseModel, ConfigDict, Field

from darkroom_core.log_line import as_json, as_text, stamp, without_secrets

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

ABOUT: Final[ContextVar[Mapping[str, str]]] = ContextVar("about", default={})  # noqa: B039  # never changed
"""What the lines are about that are written now: `request`, `task`, `trace`."""

_EXTRA: Final = ("request", "task", "trace", "ms", "bytes")
_QUIET: Final[dict[str, Level]] = {
    # It tells of every failed try to connect, several times a second.
    "psycopg.pool": "ERROR",
    # It tells of every call of every handler; what matters is told by the operator.
    "kopf": "WARNING",
}


class LogSettings(BaseModel):
    """What is logged, and how."""

    model_config = ConfigDict(frozen=True)

    level: Level = Field("INFO", description="The least important lines that are written.")
    format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="json: an object a line; text: for people; auto: text on a terminal, "
        "else json.",
    )
    levels: dict[str, Level] = Field(
        default_factory=dict,
        description="Levels of single loggers and of those below them, as JSON: "
        '`{"kopf": "DEBUG"}`.',
    )


class Formatter(logging.Formatter):
    """Writes a record as one line."""

    def __init__(self, *, is_json: bool) -> None:
        super().__init__()
        self._write = as_json if is_json else as_text

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, with what it is about."""
        known = {**ABOUT.get(), **vars(record)}
        line: dict[str, object] = {
            "time": stamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        for name in _EXTRA:
            if name in known:
                line[name] = known[name]
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        return self._write(line)


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Say in each line that is written meanwhile what it is about."""
    token = ABOUT.set({**ABOUT.get(), **fields})
    try:
        yield
    finally:
        ABOUT.reset(token)


def log_as(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send everything that is important enough to the stream: standard error."""
    stream = stream or sys.stderr
    is_json = settings.format == "json" or (settings.format == "auto" and not stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter(is_json=is_json))
    logging.basicConfig(level=settings.level, handlers=[handler], force=True)
    for name, level in {**_QUIET, **settings.levels}.items():
        logging.getLogger(name).setLevel(level)
