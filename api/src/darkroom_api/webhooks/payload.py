"""What a webhook says: {type, timestamp, data}, under 20 kB, made once and sent byte for byte."""

import json
from datetime import UTC, datetime
from typing import Any, Final

LONGEST: Final = 20_000

# What is left out of a task that says too much, the dispensable first.
_DISPENSABLE: Final = ("tries", "sources", "metadata", "outputs")


def body_of(event_type: str, at: datetime, data: dict[str, Any]) -> str:
    """Return the body. Of a task that is too long it says in `omitted` what it leaves out."""
    text = _text(event_type, at, data)
    omitted: list[str] = []
    if len(text.encode()) >= LONGEST and "outputs" in data:
        omitted.append("outputs[].operations")
        data = data | {"outputs": [_without_operations(output) for output in data["outputs"]]}
        text = _text(event_type, at, data | {"omitted": omitted})
    for name in _DISPENSABLE:
        if len(text.encode()) < LONGEST:
            return text
        if data.get(name):
            omitted.append(name)
            data = data | {name: type(data[name])()}
            text = _text(event_type, at, data | {"omitted": omitted})
    if len(text.encode()) < LONGEST:
        return text
    short = {key: data[key] for key in ("id", "object", "status") if key in data}
    return _text(event_type, at, short | {"omitted": ["*"]})


def _text(event_type: str, at: datetime, data: dict[str, Any]) -> str:
    moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    document = {"type": event_type, "timestamp": moment, "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _without_operations(output: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in output.items() if key != "operations"}
