"""Logs: one JSON object per line on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_EXTRA: Final = ("request", "ms", "bytes", "task")
# json.dumps would make one for every line.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)


class JsonFormatter(logging.Formatter):
    """Writes a record as JSON, with the few extra fields that Darkroom uses."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{
                name: value for name in _EXTRA if (value := getattr(record, name, None)) is not None
            },
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


def log_as_json() -> None:
    """Send everything from INFO up to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # The pool tells of every failed try to connect, several times a second.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
