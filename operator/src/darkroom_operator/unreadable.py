"""A spec that this operator cannot read: written under another definition than its own."""

from darkroom_core.names import Kind
from pydantic import ValidationError


def problem_of(error: ValidationError) -> str:
    """Return the first place that is wrong, and what is wrong there."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(['spec', *map(str, first['loc'])])}: {first['msg']}"


def sentence_of(error: ValidationError, kind: Kind) -> str:
    """Return what to do about it, for people."""
    return (
        f"This operator cannot read {problem_of(error)}. "
        f"Change it, or bring the operator and the definition of {kind.kind} to one version."
    )
