"""Makes Grafana's JSON of boards, rows and panels.

In a query `$own` stands for the namespace that the dashboard is looking at, and `$rate` for the
window that rates are taken over.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

_SCHEMA: Final = 39
_WIDTH: Final = 24
_HEIGHT: Final = 8
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


class Query(NamedTuple):
    """What Prometheus is asked, and what each line is called."""

    expression: str
    legend: str = ""

    @property
    def promql(self) -> str:
        """The expression as Grafana sends it."""
        own = self.expression.replace("$own", 'namespace="$namespace"')
        return own.replace("$rate", "$__rate_interval")


class Panel(NamedTuple):
    """One question, answered over time or by a number."""

    title: str
    meaning: str
    unit: str
    queries: Sequence[Query]
    kind: Literal["timeseries", "stat"] = "timeseries"
    stacked: bool = False
    at_most: float | None = None
    """The bound that it should keep; drawn where there is one."""


class Row(NamedTuple):
    """Panels that belong together, side by side."""

    title: str
    panels: Sequence[Panel]


class Board(NamedTuple):
    """A dashboard."""

    uid: str
    title: str
    meaning: str
    rows: Sequence[Row]

    @property
    def panels(self) -> Iterator[Panel]:
        """Every panel."""
        return (panel for row in self.rows for panel in row.panels)


def document(board: Board) -> str:
    """Return the dashboard's JSON."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in board.rows:
        place = {"x": 0, "y": y, "w": _WIDTH, "h": 1}
        panels.append({"id": len(panels) + 1, "type": "row", "title": row.title, "gridPos": place})
        width = _WIDTH // len(row.panels)
        for column, panel in enumerate(row.panels):
            place = {"x": column * width, "y": y + 1, "w": width, "h": _HEIGHT}
            panels.append({"id": len(panels) + 1, "gridPos": place, **_panel(panel)})
        y += 1 + _HEIGHT
    dashboard = {
        "uid": board.uid,
        "title": board.title,
        "description": board.meaning,
        "tags": ["darkroom"],
        "schemaVersion": _SCHEMA,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "links": [_LINKS],
        "templating": {"list": [_DATASOURCES, _NAMESPACES]},
        "panels": panels,
    }
    return json.dumps(dashboard, indent=1) + "\n"


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _DATASOURCE,
                "expr": query.promql,
                "legendFormat": query.legend or "__auto",
                "range": panel.kind == "timeseries",
                "instant": panel.kind == "stat",
            }
            for number, query in enumerate(panel.queries)
        ],
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.at_most is not None:
        steps.append({"color": "red", "value": panel.at_most})
    drawn = {"mode": "line" if panel.at_most is not None else "off"}
    return {
        "unit": panel.unit,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": {
            "fillOpacity": 30 if panel.stacked else 8,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": drawn,
        },
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "none"}
    return {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


_LINKS: Final = {
    "type": "dashboards",
    "title": "Darkroom",
    "tags": ["darkroom"],
    "asDropdown": False,
    "includeVars": True,
    "keepTime": True,
}
_DATASOURCES: Final = {
    "name": "datasource",
    "label": "Data source",
    "type": "datasource",
    "query": "prometheus",
}
_NAMESPACES: Final = {
    "name": "namespace",
    "label": "Namespace",
    "type": "query",
    "datasource": _DATASOURCE,
    "query": {"query": "label_values(darkroom_build_info, namespace)", "refId": "namespaces"},
    "refresh": 2,
    "sort": 1,
}
