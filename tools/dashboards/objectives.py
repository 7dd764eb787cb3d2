"""The objectives, and how fast their budgets burn."""

from typing import Final

from dashboards.grafana import Board, Panel, Query, Row


def _objective(title: str, name: str, budget: float, meaning: str) -> Row:
    return Row(
        title,
        [
            Panel(
                "Kept in six hours",
                meaning,
                "percentunit",
                [Query(f"1 - darkroom:{name}_ratio:rate6h{{$own}}")],
                "stat",
            ),
            Panel(
                "How fast the budget burns",
                f"Times what the objective allows ({budget:.1%} bad); 14.4 for an hour pages.",
                "short",
                [
                    Query(f"darkroom:{name}_ratio:rate{window}{{$own}} / {budget}", window)
                    for window in ("5m", "1h", "6h")
                ],
                at_most=14.4,
            ),
        ],
    )


OBJECTIVES: Final = Board(
    "darkroom-slo",
    "Darkroom / Objectives",
    "Are the promises kept, and how much is left? The rules of the chart have to be there.",
    [
        _objective(
            "Tasks that can be done are done",
            "task_failure",
            0.01,
            "Share of tasks that succeeded, of those that could.",
        ),
        _objective(
            "Requests are answered",
            "api_error",
            0.001,
            "Share of requests that were not answered with 5xx.",
        ),
        _objective(
            "Lists take less than half a second", "api_slow", 0.01, "Share of lists that did."
        ),
    ],
)
