"""The processor's exit codes: a contract between any processor image and the operator.

The numbers are those of BSD's sysexits where it has one, and 128 + signal for a signal.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a processor ended."""

    DONE = 0
    """Every output was written; the report lists them."""

    REJECTED = 65
    """This input can never succeed (EX_DATAERR). The Job fails at once and is not retried."""

    INTERNAL = 70
    """A defect in the processor (EX_SOFTWARE). Tried again."""

    TRY_AGAIN = 75
    """Something outside was away, as storage may be (EX_TEMPFAIL). Tried again."""

    TERMINATED = 143
    """SIGTERM: the task was canceled, or its node is being drained."""
