"""What templates are shown with where there is no real mail."""

from typing import Any, Final

from darkroom_api.mail.outbox import Template

_TASK: Final[dict[str, Any]] = {
    "id": "task-019aac1be8f27a70b6b1c9a1f2d3e4f5",
    "status": "succeeded",
    "message": None,
    "error": None,
    "source": {"filename": "photo.jpg"},
    "outputs": [
        {
            "name": "thumb",
            "format": "webp",
            "bytes": 48_213,
            "url": "https://darkroom.example.com/v1/tasks/task-019aac1b/outputs/thumb",
        }
    ],
    "urls": {"self": "https://darkroom.example.com/v1/tasks/task-019aac1b"},
}

_VALUES: Final[dict[Template, dict[str, Any]]] = {
    Template.RESET_PASSWORD: {"token": "a-token-that-opens-nothing", "minutes": 30},
    Template.VERIFY_EMAIL: {"token": "a-token-that-opens-nothing", "minutes": 1440},
    Template.PASSWORD_CHANGED: {},
    Template.TASK_FINISHED: {"task": _TASK},
    Template.DIGEST: {
        "since": "2026-11-22 08:00 UTC",
        "until": "2026-11-23 08:00 UTC",
        "counts": {"succeeded": 41, "failed": 1},
        "failed": [{"id": _TASK["id"], "filename": "photo.jpg", "message": "The file ends early."}],
    },
    Template.WEBHOOK_DISABLED: {
        "endpoint": "we-019aac1be8f27a70b6b1c9a1f2d3e4f5",
        "url": "https://example.com/darkroom",
        "because": "failing",
        "days": 5,
    },
}


def sample_of(template: Template) -> dict[str, Any]:
    """Return values that a template can be rendered with."""
    return {"unsubscribe_url": None, **_VALUES[template]}
