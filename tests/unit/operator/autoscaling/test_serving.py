from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
from darkroom_operator.autoscaling.certificate import Pair, is_good, issue, still_trusted
from darkroom_operator.autoscaling.serving import API_SERVICE_PATH, Serving
from darkroom_operator.autoscaling.settings import AutoscalingSettings
from darkroom_operator.errors import ClusterError

HOSTS = ["darkroom-external-metrics.media.svc"]
SECRET = "/api/v1/namespaces/media/secrets/darkroom-external-metrics-tls"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class FakeObjects(Protocol):
    objects: dict[str, dict[str, Any]]
    writes: int
    meanwhile: Callable[["FakeObjects"], None] | None

    async def get(self, path: str) -> dict[str, Any] | None: ...
    async def create(self, path: str, manifest: dict[str, Any]) -> bool: ...
    async def patch(self, path: str, patch: dict[str, Any]) -> bool: ...


def serving(objects: FakeObjects, now: datetime = NOW) -> Serving:
    return Serving(objects, AutoscalingSettings(), "media", lambda: now)


def bundle(objects: FakeObjects) -> bytes:
    return b64decode(objects.objects[API_SERVICE_PATH]["spec"]["caBundle"])


def test_a_certificate_is_good_until_a_month_before_its_end() -> None:
    pair = issue(HOSTS, NOW)
    assert is_good(pair, HOSTS, NOW)
    assert is_good(pair, HOSTS, NOW + timedelta(days=334))
    assert not is_good(pair, HOSTS, NOW + timedelta(days=336))


def test_a_certificate_of_other_names_another_key_or_none_is_not_good() -> None:
    pair = issue(HOSTS, NOW)
    assert not is_good(pair, ["elsewhere.media.svc"], NOW)
    assert not is_good(Pair(pair.certificate, issue(HOSTS, NOW).key), HOSTS, NOW)
    assert not is_good(Pair(b"", b""), HOSTS, NOW)
    assert not is_good(Pair(pair.certificate, b"no key"), HOSTS, NOW)


def test_what_has_ended_is_trusted_no_more() -> None:
    old, new = issue(HOSTS, NOW), issue(HOSTS, NOW + timedelta(days=340))
    both = new.certificate + old.certificate
    assert still_trusted(both, NOW + timedelta(days=340)) == [new.certificate, old.certificate]
    assert still_trusted(both, NOW + timedelta(days=366)) == [new.certificate]
    assert still_trusted(b"", NOW) == still_trusted(b"nothing", NOW) == []


async def test_the_first_start_makes_a_certificate_and_has_it_trusted(objects: FakeObjects) -> None:
    pair = await serving(objects).pair()
    assert is_good(pair, HOSTS, NOW)
    assert objects.objects[SECRET]["type"] == "kubernetes.io/tls"
    assert bundle(objects) == pair.certificate


async def test_a_restart_and_another_replica_write_nothing(objects: FakeObjects) -> None:
    pair = await serving(objects).pair()
    before = objects.writes
    assert await serving(objects).pair() == pair
    assert objects.writes == before


async def test_of_two_replicas_that_start_at_once_both_serve_the_same(
    objects: FakeObjects,
) -> None:
    first: dict[str, Any] = {}

    def other_replica(there: FakeObjects) -> None:
        pair = issue(HOSTS, NOW)
        first["pair"] = pair
        fields = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": pair.certificate}
        data = {name: b64encode(value).decode() for name, value in fields.items()}
        there.objects[SECRET] = {"metadata": {"resourceVersion": "1"}, "data": data}

    objects.meanwhile = other_replica
    assert await serving(objects).pair() == first["pair"]
    assert bundle(objects) == first["pair"].certificate


async def test_a_renewal_keeps_the_last_certificate_trusted(objects: FakeObjects) -> None:
    old = await serving(objects).pair()
    new = await serving(objects, NOW + timedelta(days=340)).pair()
    assert new != old
    assert bundle(objects) == new.certificate + old.certificate


async def test_of_two_renewals_at_once_one_gives_way(objects: FakeObjects) -> None:
    await serving(objects).pair()
    later = NOW + timedelta(days=340)
    pairs: list[Pair] = []

    def other_replica(there: FakeObjects) -> None:
        pair = issue(HOSTS, later)
        pairs.append(pair)
        secret = there.objects[SECRET]
        secret["metadata"]["resourceVersion"] = "2"
        secret["data"]["tls.crt"] = b64encode(pair.certificate).decode()
        secret["data"]["tls.key"] = b64encode(pair.key).decode()

    objects.meanwhile = other_replica
    assert [await serving(objects, later).pair()] == pairs


async def test_a_secret_that_was_deleted_or_spoilt_is_made_again(objects: FakeObjects) -> None:
    await serving(objects).pair()
    del objects.objects[SECRET]
    again = await serving(objects).pair()
    assert bundle(objects) == again.certificate
    objects.objects[SECRET]["data"]["tls.key"] = "?"
    assert await serving(objects).pair() != again


async def test_an_api_of_somebody_else_is_left_alone(objects: FakeObjects) -> None:
    theirs = {"namespace": "keda", "name": "keda-operator-metrics-apiserver"}
    objects.objects[API_SERVICE_PATH]["spec"] = {"service": theirs}
    with pytest.raises(ClusterError, match="keda-operator-metrics-apiserver in keda"):
        await serving(objects).pair()
    assert "caBundle" not in objects.objects[API_SERVICE_PATH]["spec"]
