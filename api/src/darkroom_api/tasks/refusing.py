"""What the API server refuses, as the problem that a client gets: pointers into its own request."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from darkroom_api import errors
from darkroom_api.problem import InvalidField
from darkroom_api.tasks.cluster import (
    ChangedError,
    ClusterUnavailableError,
    ExistsError,
    RefusedError,
)

_INDEX: Final = re.compile(r"\[([^\]]*)\]")


@contextmanager
def told(places: Mapping[str, str]) -> Iterator[None]:
    """Turn what Kubernetes answers into problems; `places`: beginnings of fields, and pointers."""
    try:
        yield
    except RefusedError as error:
        fields = [
            InvalidField(pointer=pointer_to(field, places), detail=message)
            for field, message in error.causes
        ]
        raise errors.InvalidError(str(error), errors=fields or None) from None
    except ExistsError:
        raise errors.NameTakenError("there is one of this name already") from None
    except ChangedError:
        raise errors.ChangedMeanwhileError("somebody else changed it: try again") from None
    except ClusterUnavailableError:
        raise errors.UnavailableError("Kubernetes, where this is kept, does not answer") from None


def pointer_to(field: str, places: Mapping[str, str]) -> str:
    """Return where in the request it is that the API server calls this field."""
    for start, pointer in places.items():
        if field == start or field.startswith((f"{start}.", f"{start}[")):
            rest = _INDEX.sub(r".\1", field[len(start) :])
            return pointer + rest.replace(".", "/")
    return "#"
