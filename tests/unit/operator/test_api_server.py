import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from darkroom_operator.api_server import ApiServer
from darkroom_operator.children import Pod, read_pod
from darkroom_operator.cluster import Kind
from darkroom_operator.errors import ClusterError, ExpiredError, RefusedError
from darkroom_operator.informer import Informer
from darkroom_operator.testing import raw_pod, raw_task, running

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PODS = "/api/v1/namespaces/media/pods"
JOBS = "/apis/batch/v1/namespaces/media/jobs"
TASKS = "/apis/darkroom.dev/v1alpha1/namespaces/media/processingtasks"

JOB = {"kind": "Job", "metadata": {"name": "a-1", "namespace": "media"}}
TASK: tuple[Kind, str, str, str] = ("tasks", "media", "a", "uid-a")


class Server:
    """An HTTP server on 127.0.0.1 that answers what the test scripted, in that order."""

    def __init__(self) -> None:
        self.script: list[Handler] = []
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        body = json.loads(text) if text else None
        self.requests.append((request.method, request.path, dict(request.query), body))
        if not self.script:
            await asyncio.Event().wait()
        return await self.script.pop(0)(request)

    def answers(self, status: int, body: dict[str, Any]) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response(body, status=status)

        self.script.append(answer)

    def lists(self, *items: dict[str, Any], version: str = "10", more: str = "") -> None:
        metadata = {"resourceVersion": version, **({"continue": more} if more else {})}
        self.answers(200, {"metadata": metadata, "items": list(items)})

    def streams(self, *chunks: bytes, breaks: bool = False, stays: bool = False) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
                await asyncio.sleep(0)
            if breaks and request.transport:
                request.transport.close()
            if stays:
                await asyncio.Event().wait()
            return response

        self.script.append(answer)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def base(server: Server) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@pytest.fixture
async def api(base: str) -> AsyncIterator[ApiServer]:
    async with aiohttp.ClientSession() as session:
        yield ApiServer(session, base, "media")


def line(type_: str, pod: dict[str, Any], version: str) -> bytes:
    pod["metadata"]["resourceVersion"] = version
    return json.dumps({"type": type_, "object": pod}).encode() + b"\n"


def bookmark(version: str) -> bytes:
    return line("BOOKMARK", {"metadata": {}}, version)


EXPIRED = b'{"type": "ERROR", "object": {"code": 410, "message": "too old"}}\n'


class TestRequests:
    async def test_lists_come_page_by_page(self, server: Server, api: ApiServer) -> None:
        server.lists(raw_task("a"), more="token")
        server.lists(raw_task("b"))
        pages = [page async for page in api.pages("tasks")]
        assert [raw["metadata"]["name"] for page in pages for raw in page.items] == ["a", "b"]
        queries = [(path, query) for _, path, query, _ in server.requests]
        assert queries == [
            (TASKS, {"limit": "500"}),
            (TASKS, {"limit": "500", "continue": "token"}),
        ]

    async def test_children_are_listed_by_our_label(self, server: Server, api: ApiServer) -> None:
        server.lists(raw_pod(), version="42")
        (page,) = [page async for page in api.pages("pods")]
        assert (len(page.items), page.version) == (1, "42")
        assert server.requests[0][2]["labelSelector"] == (
            "app.kubernetes.io/managed-by=darkroom-operator"
        )

    @pytest.mark.parametrize(("status", "is_new"), [(201, True), (409, False)])
    async def test_a_job_that_exists_is_as_good_as_created(
        self, server: Server, api: ApiServer, status: int, *, is_new: bool
    ) -> None:
        server.answers(status, {})
        assert await api.create("jobs", JOB) == is_new
        assert server.requests == [("POST", JOBS, {}, JOB)]

    @pytest.mark.parametrize("status", [403, 422])
    async def test_a_refusal_carries_the_api_servers_sentence(
        self, server: Server, api: ApiServer, status: int
    ) -> None:
        server.answers(status, {"message": "exceeded quota"})
        with pytest.raises(RefusedError, match=r"^exceeded quota$"):
            await api.create("jobs", JOB)

    async def test_an_outage_is_a_cluster_error(self, server: Server, api: ApiServer) -> None:
        server.answers(503, {"message": "starting"})
        with pytest.raises(ClusterError, match="answered 503: starting"):
            await api.create("jobs", JOB)

    async def test_the_status_is_applied_whole(self, server: Server, api: ApiServer) -> None:
        server.answers(200, {"metadata": {"resourceVersion": "7"}})
        version = await api.write_status(*TASK, {"state": "queued"})
        assert version == "7"
        assert server.requests == [
            (
                "PATCH",
                f"{TASKS}/a/status",
                {"fieldManager": "darkroom-operator", "force": "true"},
                {
                    "apiVersion": "darkroom.dev/v1alpha1",
                    "kind": "ProcessingTask",
                    "metadata": {"name": "a", "uid": "uid-a"},
                    "status": {"state": "queued"},
                },
            )
        ]

    async def test_every_namespace_is_listed_where_none_is_named(
        self, server: Server, base: str
    ) -> None:
        async with aiohttp.ClientSession() as session:
            everywhere = ApiServer(session, base, "")
            server.lists(raw_task("a"))
            [page async for page in everywhere.pages("tasks")]
            server.answers(201, {})
            await everywhere.create("jobs", JOB)
        paths = [path for _, path, _, _ in server.requests]
        assert paths == ["/apis/darkroom.dev/v1alpha1/processingtasks", JOBS]

    async def test_complaints_are_the_newest_warnings_about_jobs(
        self, server: Server, api: ApiServer
    ) -> None:
        events = [
            {
                "metadata": {"resourceVersion": version},
                "involvedObject": {"uid": uid},
                "message": f"at {version}",
            }
            for uid, version in (("job-1", "100"), ("job-1", "99"), ("job-2", "98"))
        ]
        server.answers(200, {"items": events, "metadata": {"resourceVersion": "100"}})
        assert await api.complaints("media") == {"job-1": "at 100", "job-2": "at 98"}
        assert server.requests[0][2]["fieldSelector"] == "involvedObject.kind=Job,type=Warning"

    @pytest.mark.parametrize("status", [404, 409])
    async def test_a_task_that_is_gone_or_another_gets_no_status(
        self, server: Server, api: ApiServer, status: int
    ) -> None:
        server.answers(status, {})
        assert await api.write_status(*TASK, {}) is None

    async def test_a_task_is_deleted_by_its_uid_in_the_background(
        self, server: Server, api: ApiServer
    ) -> None:
        server.answers(200, {})
        await api.delete(*TASK)
        method, path, _, body = server.requests[0]
        assert (method, path) == ("DELETE", f"{TASKS}/a")
        assert body["propagationPolicy"] == "Background"
        assert body["preconditions"] == {"uid": "uid-a"}

    async def test_what_tasks_own_is_deleted_by_their_labels_in_one_request(
        self, server: Server, api: ApiServer
    ) -> None:
        server.answers(200, {"items": []})
        await api.delete_children("jobs", "media", ["uid-a", "uid-b"])
        method, path, params, body = server.requests[0]
        assert (method, path) == ("DELETE", JOBS)
        assert params == {
            "labelSelector": "app.kubernetes.io/managed-by=darkroom-operator,"
            "darkroom.dev/task-uid in (uid-a,uid-b)"
        }
        assert body["propagationPolicy"] == "Background"


class TestWatch:
    async def test_lines_longer_than_any_buffer_are_read(
        self, server: Server, api: ApiServer
    ) -> None:
        pod = raw_pod(annotations={"long": "x" * 3_000_000})
        text = line("ADDED", pod, "11")
        server.streams(text[:1000], text[1000:] + line("MODIFIED", raw_pod(), "12")[:9])
        events = [event async for event in api.watch("pods", "10")]
        assert [event.type for event in events] == ["ADDED"]
        assert len(events[0].object["metadata"]["annotations"]["long"]) == 3_000_000

    async def test_a_version_that_is_too_old_is_told_in_both_ways(
        self, server: Server, api: ApiServer
    ) -> None:
        server.answers(410, {"message": "too old"})
        server.streams(EXPIRED)
        for _ in range(2):
            with pytest.raises(ExpiredError):
                [event async for event in api.watch("pods", "10")]

    async def test_a_broken_connection_is_a_cluster_error(
        self, server: Server, api: ApiServer
    ) -> None:
        server.streams(bookmark("11"), breaks=True)
        with pytest.raises(ClusterError, match="broke off"):
            [event async for event in api.watch("pods", "10")]


class TestInformer:
    async def follow(
        self, api: ApiServer, server: Server, requests: int
    ) -> tuple[Informer[Pod], list[str]]:
        """Run an informer until the server has seen so many requests, the last of which hangs."""
        changes: list[str] = []
        informer = Informer(api, "pods", read_pod, changes.append)
        task = asyncio.create_task(informer.run())
        async with asyncio.timeout(5):
            while len(server.requests) < requests:  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return informer, changes

    def versions(self, server: Server) -> list[str | None]:
        return [query.get("resourceVersion") for _, _, query, _ in server.requests]

    async def test_it_lists_and_goes_on_from_the_last_version_it_saw(
        self, server: Server, api: ApiServer
    ) -> None:
        server.lists(raw_pod(), version="10")
        server.streams(line("MODIFIED", raw_pod(state=running()), "11"), bookmark("15"))
        server.streams(breaks=True)
        informer, changes = await self.follow(api, server, 4)
        assert self.versions(server) == [None, "10", "15", "15"]
        assert [pod.is_running for pod in informer.of("uid-a")] == [True]
        assert changes == ["uid-a", "uid-a"]
        assert informer.is_synced.is_set()

    async def test_what_vanished_while_it_was_not_looking_is_told(
        self, server: Server, api: ApiServer
    ) -> None:
        server.lists(raw_pod("a"), raw_pod("b"))
        server.streams(EXPIRED)
        server.lists(raw_pod("b"), raw_pod("c"), version="20")
        informer, changes = await self.follow(api, server, 4)
        assert self.versions(server) == [None, "10", None, "20"]
        assert changes == ["uid-a", "uid-b", "uid-c", "uid-a"]
        assert (informer.of("uid-a"), len(informer.of("uid-c"))) == ((), 1)

    async def test_a_change_of_what_is_not_kept_is_not_told(
        self, server: Server, api: ApiServer
    ) -> None:
        server.lists(raw_pod())
        server.streams(line("MODIFIED", raw_pod(managedFields=[{}]), "11"))
        _, changes = await self.follow(api, server, 3)
        assert changes == ["uid-a"]

    async def test_a_deletion_is_told(self, server: Server, api: ApiServer) -> None:
        server.lists(raw_pod())
        server.streams(line("DELETED", raw_pod(), "11"))
        informer, changes = await self.follow(api, server, 3)
        assert (informer.of("uid-a"), changes) == ((), ["uid-a", "uid-a"])

    async def test_an_api_server_that_is_away_is_asked_again(
        self, server: Server, api: ApiServer
    ) -> None:
        server.answers(503, {})
        server.lists(raw_pod())
        informer, _ = await self.follow(api, server, 3)
        assert len(informer.of("uid-a")) == 1
