"""What can go wrong, by what follows from it.

Whatever is not named here is an outage or a defect: the task is tried again with a backoff.
"""

from darkroom_core.conditions import Reason


class StalledError(Exception):
    """The task cannot be turned into a Job until somebody changes it; the message says what."""

    def __init__(self, message: str, *, reason: Reason = Reason.INVALID) -> None:
        super().__init__(message)
        self.reason = reason


class ClusterError(Exception):
    """The API server did not answer, or answered with an error; trying again may help."""


class RefusedError(ClusterError):
    """The API server refuses this object: quota, policy, or a field it does not accept.

    The message is the API server's own sentence.
    """


class ExpiredError(ClusterError):
    """The resource version is too old to go on from (410): list again."""
