"""What a task made by REST is called: ids that sort by age."""

import uuid_utils


def new_id() -> str:
    """Return an id that nobody had."""
    return f"task-{uuid_utils.uuid7().hex}"
