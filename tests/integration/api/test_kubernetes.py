"""The client of Kubernetes, against an HTTP server that answers as an API server does."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from darkroom_api.errors import CommandError
from darkroom_api.tasks.cluster import (
    ChangedError,
    ClusterUnavailableError,
    ExistsError,
    RefusedError,
)
from darkroom_api.tasks.kubernetes_cluster import open_cluster
from darkroom_api.testing import FakeApiServer
from darkroom_core import names

PATH = "/apis/darkroom.dev/v1alpha1/namespaces/media/processingtasks"
LABELS = {"app.kubernetes.io/managed-by": "darkroom-api"}
BODY: dict[str, Any] = {
    "apiVersion": "darkroom.dev/v1alpha1",
    "kind": "ProcessingTask",
    "metadata": {"namespace": "media", "name": "task-1", "labels": LABELS},
    "spec": {"source": {"key": "uploads/task-1"}},
}


@pytest.fixture
def api_server(
    api_server: FakeApiServer, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> FakeApiServer:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return api_server


def resource(uid: str, labels: dict[str, str]) -> dict[str, Any]:
    return {**BODY, "metadata": {**BODY["metadata"], "uid": uid, "labels": labels}}


def status(code: int, message: str) -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "status": "Failure", "message": message, "code": code}


async def test_a_created_resource_gives_its_uid(api_server: FakeApiServer) -> None:
    api_server.answers["POST"] = (201, resource("u-1", LABELS))
    async with open_cluster() as cluster:
        assert await cluster.create_task(BODY) == "u-1"

    assert [(asked.method, asked.path, asked.body) for asked in api_server.asked] == [
        ("POST", PATH, BODY)
    ]


async def test_a_resource_that_exists_already_gives_its_uid(api_server: FakeApiServer) -> None:
    api_server.answers["POST"] = status(409, "already exists")
    api_server.answers["GET"] = (200, resource("u-2", LABELS))
    async with open_cluster() as cluster:
        assert await cluster.create_task(BODY) == "u-2"


async def test_somebody_elses_resource_of_this_name_is_not_taken_over(
    api_server: FakeApiServer,
) -> None:
    api_server.answers["POST"] = status(409, "already exists")
    api_server.answers["GET"] = (200, resource("u-3", {}))
    async with open_cluster() as cluster:
        with pytest.raises(RefusedError, match="a resource that Darkroom did not make"):
            await cluster.create_task(BODY)


@pytest.mark.parametrize("code", [400, 422])
async def test_a_refusal_carries_the_sentence(api_server: FakeApiServer, code: int) -> None:
    api_server.answers["POST"] = status(code, "spec.outputs: Required value")
    async with open_cluster() as cluster:
        with pytest.raises(RefusedError, match=r"^spec\.outputs: Required value$"):
            await cluster.create_task(BODY)


@pytest.mark.parametrize("code", [401, 403, 404, 429, 500, 503])
async def test_everything_else_is_tried_again(api_server: FakeApiServer, code: int) -> None:
    api_server.answers["POST"] = status(code, "not now")
    async with open_cluster() as cluster:
        with pytest.raises(ClusterUnavailableError, match=f"{code}: not now"):
            await cluster.create_task(BODY)


async def test_a_deletion_names_the_uid_and_takes_the_children_along(
    api_server: FakeApiServer,
) -> None:
    api_server.answers["DELETE"] = (200, {"kind": "Status", "status": "Success"})
    async with open_cluster() as cluster:
        await cluster.delete(names.TASK, "media", "task-1", uid="u-1")

    asked = api_server.asked[0]
    assert (asked.method, asked.path.partition("?")[0]) == ("DELETE", f"{PATH}/task-1")
    assert asked.body["preconditions"] == {"uid": "u-1"}
    assert asked.body["propagationPolicy"] == "Background"


@pytest.mark.parametrize("code", [404, 409])
async def test_deleting_what_is_gone_is_no_error(api_server: FakeApiServer, code: int) -> None:
    api_server.answers["DELETE"] = status(code, "gone, or another one")
    async with open_cluster() as cluster:
        await cluster.delete(names.TASK, "media", "task-1", uid="u-1")


async def test_an_api_server_that_is_not_there_is_unavailable(api_server: FakeApiServer) -> None:
    async with open_cluster() as cluster:
        api_server.server_close()
        with pytest.raises(ClusterUnavailableError):
            await cluster.create_task(BODY)
        with pytest.raises(ClusterUnavailableError):
            await cluster.delete(names.TASK, "media", "task-1", uid=None)


async def test_without_a_kubeconfig_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(CommandError, match="there is no way to Kubernetes"):
        async with open_cluster():
            pass


RECIPES = PATH.replace("processingtasks", "processingrecipes")
RECIPE: dict[str, Any] = {
    "metadata": {"name": "web", "resourceVersion": "7"},
    "spec": {"outputs": []},
}


async def test_recipes_are_read_and_one_that_is_not_there_is_none(
    api_server: FakeApiServer,
) -> None:
    async with open_cluster() as cluster:
        api_server.answers["GET"] = (200, {"kind": "List", "items": [RECIPE]})
        assert await cluster.all(names.RECIPE, "media") == [RECIPE]
        api_server.answers["GET"] = (200, RECIPE)
        assert await cluster.one(names.RECIPE, "media", "web") == RECIPE
        api_server.answers["GET"] = status(404, "not found")
        assert await cluster.one(names.RECIPE, "media", "other") is None
        assert await cluster.all(names.RECIPE, "media") == []
        asked = [asked.path for asked in api_server.asked]
        assert asked[:2] == [f"{RECIPES}?limit=500", f"{RECIPES}/web"]
        # What cannot be a name is asked of nobody: it could lead elsewhere.
        assert await cluster.one(names.RECIPE, "media", "../processingtasks/a") is None
        assert len(api_server.asked) == len(asked)
        api_server.answers["GET"] = status(500, "ill")
        with pytest.raises(ClusterUnavailableError):
            await cluster.one(names.RECIPE, "media", "web")


async def test_a_long_list_is_read_to_its_end(api_server: FakeApiServer) -> None:
    pages = [
        {"metadata": {"continue": "t1"}, "items": [{"n": 1}, {"n": 2}]},
        {"metadata": {"continue": ""}, "items": [{"n": 3}]},
    ]
    async with open_cluster() as cluster:
        api_server.in_turn["GET"] = [(200, page) for page in pages]
        found = await cluster.all(names.SCHEDULE, "media", labels="a=b")
    assert found == [{"n": 1}, {"n": 2}, {"n": 3}]
    first, second = (parse_qs(urlsplit(asked.path).query) for asked in api_server.asked)
    assert first == {"labelSelector": ["a=b"], "limit": ["500"]}
    assert second == first | {"continue": ["t1"]}


async def test_what_was_read_is_written_unless_another_was_faster(
    api_server: FakeApiServer,
) -> None:
    read = {**RECIPE, "metadata": {**RECIPE["metadata"], "namespace": "media"}}
    async with open_cluster() as cluster:
        api_server.answers["PUT"] = (200, RECIPE)
        assert await cluster.replace(names.RECIPE, read) == RECIPE
        api_server.answers["PUT"] = status(409, "the object has been modified")
        with pytest.raises(ChangedError):
            await cluster.replace(names.RECIPE, read)
        api_server.answers["POST"] = status(409, "already exists")
        with pytest.raises(ExistsError):
            await cluster.create(names.RECIPE, read)
    written = api_server.asked[0]
    assert (written.path.partition("?")[0], written.body) == (f"{RECIPES}/web", read)
    assert all("fieldValidation=Strict" in asked.path for asked in api_server.asked)
