from datetime import UTC, datetime

import pytest
from darkroom_operator.autoscaling import metric

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("selector", "pool"),
    [
        ("pool=gpu", "gpu"),
        ("pool==gpu", "gpu"),
        (" pool = gpu ", "gpu"),
        ("pool=gpu,pool=gpu", "gpu"),
        ("", None),
        (",", None),
    ],
)
def test_a_selector_names_a_pool_or_none(selector: str, pool: str | None) -> None:
    assert metric.selected_pool(selector) == pool


@pytest.mark.parametrize(
    "selector", ["queue=gpu", "pool!=gpu", "pool in (gpu,cpu)", "pool", "!pool", "pool=a,pool=b"]
)
def test_what_a_selector_asks_in_vain_is_said(selector: str) -> None:
    with pytest.raises(metric.SelectorError) as error:
        metric.selected_pool(selector)
    assert "pool" in str(error.value)


@pytest.mark.parametrize(
    ("pool", "selected"),
    [("gpu", {"gpu": 3}), ("new", {"new": 0}), (None, {"gpu": 3, "cpu": 0})],
)
def test_a_pool_without_tasks_has_the_value_0(pool: str | None, selected: dict[str, int]) -> None:
    assert metric.of_pools({"gpu": 3, "cpu": 0}, pool) == selected


def test_there_is_always_an_item_because_the_autoscaler_takes_none_for_an_error() -> None:
    assert metric.of_pools({}, None) == {"default": 0}


def test_values_are_what_the_autoscaler_reads() -> None:
    assert metric.values({"gpu": 42}, AT) == {
        "kind": "ExternalMetricValueList",
        "apiVersion": "external.metrics.k8s.io/v1beta1",
        "metadata": {},
        "items": [
            {
                "metricName": "darkroom_pool_backlog",
                "metricLabels": {"pool": "gpu"},
                "timestamp": "2026-01-01T00:00:00Z",
                "value": "42",
            }
        ],
    }


def test_an_error_is_a_status_of_kubernetes() -> None:
    assert metric.failure(404, "no such thing") == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "no such thing",
        "reason": "NotFound",
        "code": 404,
    }
