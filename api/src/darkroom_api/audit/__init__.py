"""The audit log: what happened that matters to security, who did it, and from where."""

from darkroom_api.audit.event import Event
from darkroom_api.audit.recording import record

__all__ = ["Event", "record"]
