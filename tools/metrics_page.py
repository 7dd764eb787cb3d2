"""The page of every metric, made from the registries of the API and the operator."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from prometheus_client import REGISTRY, CollectorRegistry, Metric

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs/reference/metrics.md"
_OF_THE_LIBRARY: Final = ("python_", "process_")
_HEAD: Final = """\
# Metrics

<!-- Generated from the registries by `make generate`; do not edit. -->

The API serves `/metrics` on its only port, the operator on the port `metrics` (9090),
standing by too: [how to scrape them](../howto/operate-the-api.md#metrics). No label has a task's id
or a user: every label has few values, or as many as there are pools.

A pool is `namespace/name`; `darkroom_pool_backlog` has the two apart. A histogram has also
`_bucket`, `_sum` and `_count`. Beside these there are the `process_*` metrics of Prometheus' client
library, and of the operator `python_*`.
"""


class Row(NamedTuple):
    """One metric."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def page() -> str:
    """Return the page."""
    return "\n".join((_HEAD, *_section("Operator", operator()), *_section("API", api()))) + "\n"


def operator() -> list[Row]:
    """Return the operator's metrics."""
    from darkroom_operator import metrics  # noqa: PLC0415  # only the page needs it

    for module in pkgutil.iter_modules(metrics.__path__):
        importlib.import_module(f"{metrics.__name__}.{module.name}")
    return _rows(REGISTRY)


def api() -> list[Row]:
    """Return the API's metrics."""
    from darkroom_api.metrics import Metrics  # noqa: PLC0415  # as above
    from darkroom_api.metrics.database import PoolCollector  # noqa: PLC0415  # as above

    metrics = Metrics()
    metrics.watch_volume()
    metrics.registry.register(PoolCollector(dict))
    return _rows(metrics.registry)


def _rows(registry: CollectorRegistry) -> list[Row]:
    # The registry tells neither its collectors nor the labels of a metric without samples.
    collectors: dict[Any, Any] = registry._collector_to_names  # noqa: SLF001
    rows = [row for collector in collectors for row in _rows_of(collector)]
    return sorted(row for row in rows if not row.name.startswith(_OF_THE_LIBRARY))


def _rows_of(collector: Any) -> Iterator[Row]:  # noqa: ANN401  # whatever is registered
    families: list[Metric] = list(getattr(collector, "describe", list)())
    for family in families:
        labels: tuple[str, ...] = getattr(family, "_labelnames", ())
        labels = labels or getattr(collector, "_labelnames", ())
        suffix = "_total" if family.type == "counter" else ""
        yield Row(family.name + suffix, family.type, tuple(labels), family.documentation)


def _section(title: str, rows: list[Row]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| metric | type | labels | meaning |\n|---|---|---|---|"
    for row in rows:
        labels = ", ".join(f"`{label}`" for label in row.labels)
        yield f"| `{row.name}` | {row.kind} | {labels} | {row.meaning} |"
    yield ""
