"""Which tasks of a list are meant: conditions that lists and bulk requests share."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from darkroom_core.vocabulary import TaskType
from psycopg import sql
from psycopg.types.json import Jsonb

_DEFAULT_TYPE: Final = sql.Literal(TaskType.IMAGE.value)
# As in the indexes, word for word: the planner compares texts.
_TYPE: Final = sql.SQL("coalesce(spec ->> 'type', {}) = %(type)s").format(_DEFAULT_TYPE)
_CONDITIONS: Final = {
    "owner": sql.SQL("owner = %(owner)s"),
    "type": _TYPE,
    "recipe": sql.SQL("spec ->> 'recipe' = %(recipe)s"),
    "pool": sql.SQL("pool = %(pool)s"),
    "batch": sql.SQL("batch = %(batch)s"),
    "created_after": sql.SQL("created_at > %(created_after)s"),
    "created_before": sql.SQL("created_at < %(created_before)s"),
    "labels": sql.SQL("metadata <> '{}' AND metadata @> %(labels)s"),
    "text": sql.SQL("darkroom_words(source_filename, metadata) @@ darkroom_words_query(%(text)s)"),
}


@dataclass(frozen=True)
class Filter:
    """Conditions that all have to hold; what is None or empty is none."""

    owner: UUID | None = None
    status: tuple[str, ...] = ()
    type: str | None = None
    recipe: str | None = None
    pool: str | None = None
    batch: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    dead_lettered: bool | None = None

    @property
    def condition(self) -> sql.Composable:
        """The conditions that are there, and no others: the planner sees which index fits."""
        found: list[sql.Composable] = [sql.SQL("deleted_at IS NULL")]
        found += [sql_ for name, sql_ in _CONDITIONS.items() if getattr(self, name)]
        if self.status:
            # Of one state an index is in the list's order; of several it is not.
            is_one = len(self.status) == 1
            found.append(sql.SQL("status = %(state)s" if is_one else "status = ANY(%(status)s)"))
        if self.dead_lettered is not None:
            found.append(sql.SQL("dead_lettered" if self.dead_lettered else "NOT dead_lettered"))
        return sql.SQL(" AND ").join(found)

    @property
    def values(self) -> dict[str, Any]:
        """What the conditions compare with."""
        return {
            **{name: getattr(self, name) for name in _CONDITIONS},
            "status": list(self.status),
            "state": self.status[0] if self.status else None,
            "labels": Jsonb(dict(self.labels)),
        }

    @property
    def digest(self) -> str:
        """Tells this filter from others, in a cursor."""
        text = repr(sorted(asdict(self).items()))
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()
