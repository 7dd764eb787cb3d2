"""Who is let in, and what is answered: HTTPS, as kube-apiserver would see it."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import psycopg
import pytest
from darkroom_operator.autoscaling.backlog import Backlog
from darkroom_operator.autoscaling.certificate import Pair, issue
from darkroom_operator.autoscaling.front_proxy import FrontProxy, read_front_proxy
from darkroom_operator.autoscaling.server import MetricsServer
from darkroom_operator.errors import ClusterError

HOST = "darkroom-external-metrics.media.svc"
ROOT = "/apis/external.metrics.k8s.io/v1beta1"
METRIC = f"{ROOT}/namespaces/media/darkroom_pool_backlog"


class Authority(Protocol):
    pem: str

    def sign(self, common_name: str) -> Pair: ...


class Rows:
    """A Postgres of rows, which can be away."""

    def __init__(self, *rows: tuple[str, str, int]) -> None:
        self.rows = rows
        self.away = False

    async def fetch(self, _query: str) -> list[tuple[Any, ...]]:
        if self.away:
            raise psycopg.OperationalError
        return list(self.rows)


class Answer:
    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body


class Served:
    """A server on a port of 127.0.0.1."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.directory = directory
        self.port = free_port()
        self.rows = Rows(("media", "gpu", 3), ("media", "default", 2), ("other", "gpu", 7))
        self.backlog = Backlog(self.rows, lambda: [("media", "empty")])  # type: ignore[arg-type]
        self.server = MetricsServer(self.backlog, self.port)
        self.pair = issue([HOST], datetime.now(UTC))
        self.proxy = FrontProxy(authority.pem, frozenset({"front-proxy"}))

    async def ask(
        self, client: Pair | None, path: str = METRIC, method: str = "GET", **query: str
    ) -> Answer:
        context = ssl.create_default_context(cadata=self.pair.certificate.decode())
        if client:
            file = self.directory / "client.pem"
            file.write_bytes(client.certificate + client.key)
            context.load_cert_chain(file)
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method,
                f"https://127.0.0.1:{self.port}{path}",
                params=query,
                ssl=context,
                server_hostname=HOST,
            ) as response,
        ):
            if response.content_type == "application/json":
                return Answer(response.status, await response.json())
            return Answer(response.status, await response.text())


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
async def served(tmp_path: Path, authority: Authority) -> AsyncIterator[Served]:
    served = Served(tmp_path, authority)
    await served.backlog.refresh()
    await served.server.present(served.pair, served.proxy)
    yield served
    await served.server.close()


@pytest.fixture
def front_proxy(authority: Authority) -> Pair:
    return authority.sign("front-proxy")


async def test_the_front_proxy_gets_the_backlog(served: Served, front_proxy: Pair) -> None:
    answer = await served.ask(front_proxy, labelSelector="pool=gpu")
    assert answer.status == 200
    (item,) = answer.body["items"]
    assert (item["metricLabels"], item["value"]) == ({"pool": "gpu"}, "3")


async def test_without_a_selector_every_pool_is_an_item(served: Served, front_proxy: Pair) -> None:
    answer = await served.ask(front_proxy)
    values = {item["metricLabels"]["pool"]: item["value"] for item in answer.body["items"]}
    assert values == {"default": "2", "empty": "0", "gpu": "3"}


async def test_a_pool_that_nobody_knows_has_nothing_to_do(
    served: Served, front_proxy: Pair
) -> None:
    answer = await served.ask(front_proxy, labelSelector="pool=new")
    assert [item["value"] for item in answer.body["items"]] == ["0"]


@pytest.mark.parametrize("path", [METRIC, ROOT, "/healthz"])
async def test_without_a_certificate_there_is_no_connection(served: Served, path: str) -> None:
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        await served.ask(None, path)


async def test_the_certificate_of_another_authority_makes_no_connection(
    served: Served, stranger: Authority
) -> None:
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        await served.ask(stranger.sign("front-proxy"))


@pytest.mark.parametrize("path", [METRIC, ROOT, "/openapi/v2", "/healthz", "/nowhere"])
async def test_another_name_of_the_right_authority_is_refused(
    served: Served, authority: Authority, path: str
) -> None:
    answer = await served.ask(authority.sign("system:node:one"), path)
    assert answer.status == 401
    assert answer.body["kind"] == "Status"
    assert answer.body["reason"] == "Unauthorized"


async def test_where_no_names_are_given_the_authority_alone_counts(
    served: Served, authority: Authority
) -> None:
    await served.server.present(served.pair, FrontProxy(authority.pem, frozenset()))
    assert (await served.ask(authority.sign("anything"))).status == 200


async def test_http_without_tls_is_not_answered(served: Served) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{served.port}/healthz")


@pytest.mark.parametrize(
    "path", ["/", "/metrics", f"{ROOT}/namespaces/media/other", f"{ROOT}/darkroom_pool_backlog"]
)
async def test_there_is_nothing_else(served: Served, front_proxy: Pair, path: str) -> None:
    answer = await served.ask(front_proxy, path)
    assert (answer.status, answer.body["reason"]) == (404, "NotFound")
    assert path in answer.body["message"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_can_be_changed(served: Served, front_proxy: Pair, method: str) -> None:
    answer = await served.ask(front_proxy, method=method)
    assert (answer.status, answer.body["reason"]) == (405, "MethodNotAllowed")


async def test_discovery_names_the_metric(served: Served, front_proxy: Pair) -> None:
    answer = await served.ask(front_proxy, ROOT)
    assert answer.body["groupVersion"] == "external.metrics.k8s.io/v1beta1"
    assert [resource["name"] for resource in answer.body["resources"]] == ["darkroom_pool_backlog"]


async def test_kube_apiserver_finds_an_openapi_document(served: Served, front_proxy: Pair) -> None:
    answer = await served.ask(front_proxy, "/openapi/v2")
    assert (answer.status, answer.body["paths"]) == (200, {})


async def test_a_selector_that_is_not_understood_is_a_bad_request(
    served: Served, front_proxy: Pair
) -> None:
    answer = await served.ask(front_proxy, labelSelector="queue=gpu")
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")


async def test_while_postgres_is_away_the_answer_is_503_and_never_0(
    served: Served, front_proxy: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darkroom_operator.autoscaling.backlog.STALE_SECONDS", 0.0)
    answer = await served.ask(front_proxy, labelSelector="pool=gpu")
    assert (answer.status, answer.body["reason"]) == (503, "ServiceUnavailable")
    assert (await served.ask(front_proxy, ROOT)).status == 200


async def test_a_renewed_certificate_is_served_without_a_restart(
    served: Served, front_proxy: Pair
) -> None:
    await served.ask(front_proxy)
    served.pair = issue([HOST], datetime.now(UTC) + timedelta(minutes=1))
    with pytest.raises(aiohttp.ClientError):
        await served.ask(front_proxy)
    await served.server.present(served.pair, served.proxy)
    assert (await served.ask(front_proxy)).status == 200


async def test_an_authority_that_was_replaced_lets_nobody_in(
    served: Served, front_proxy: Pair, stranger: Authority
) -> None:
    await served.server.present(served.pair, FrontProxy(stranger.pem, served.proxy.names))
    assert (await served.ask(stranger.sign("front-proxy"))).status == 200
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        await served.ask(front_proxy)


async def test_a_server_that_nothing_was_presented_to_does_not_listen(
    tmp_path: Path, authority: Authority, front_proxy: Pair
) -> None:
    with pytest.raises(aiohttp.ClientConnectorError):
        await Served(tmp_path, authority).ask(front_proxy)


async def test_the_cluster_says_who_the_front_proxy_is(objects: Any, authority: Authority) -> None:
    proxy = await read_front_proxy(objects)
    assert proxy == FrontProxy(authority.pem, frozenset({"front-proxy"}))


async def test_a_cluster_that_does_not_say_gets_no_server(objects: Any) -> None:
    (config_map,) = (o for o in objects.objects.values() if "data" in o)
    config_map["data"].clear()
    with pytest.raises(ClusterError, match="requestheader-client-ca-file"):
        await read_front_proxy(objects)
