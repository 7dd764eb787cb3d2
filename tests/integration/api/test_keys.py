"""A request may name files of one's own tasks, and nobody else's, whether they exist or not."""

import uuid
from typing import Any

import psycopg
import pytest
from darkroom_api.testing import RECIPE, FakeCluster, User, uid_of, until
from psycopg.types.json import Jsonb

Spec = dict[str, Any]


def image(key: str) -> Spec:
    return {"source": {"key": key}, **RECIPE}


def inspect(key: str) -> Spec:
    return {"type": "Inspect", "source": {"key": key}}


def report(key: str) -> Spec:
    sources = [{"url": "https://example.com/a.png"}, {"key": key, "caption": "mine?"}]
    return {"type": "Report", "sources": sources, "outputs": [{"name": "a", "format": "pdf"}]}


def watermark(key: str) -> Spec:
    operations = [{"overlay": {"source": {"key": key}}}]
    outputs = [{"name": "a", "format": "webp", "operations": operations}]
    return {"source": {"url": "https://example.com/a.png"}, "outputs": outputs}


PLACES = {
    "image": (image, "#/source/key"),
    "inspect": (inspect, "#/source/key"),
    "report": (report, "#/sources/1/key"),
    "watermark": (watermark, "#/outputs/0/operations/0/overlay/source/key"),
}
EACH = pytest.mark.parametrize(("make", "pointer"), PLACES.values(), ids=PLACES)


@pytest.fixture
async def bobs(bob: User, db: psycopg.Connection) -> list[str]:
    """The keys of what another user has stored: an upload, and an output."""
    task = (await bob.upload()).json()["id"]
    uid = uid_of(task)
    seen = {"namespace": "media", "name": task, "uid": uid, "status": "succeeded"}
    db.execute("SELECT darkroom_record(%s)", [Jsonb(seen)])
    return [f"uploads/{task}", f"outputs/{uid}/thumb.webp"]


@EACH
async def test_what_is_anothers_is_refused_as_if_it_were_not_there(
    ada: User, bobs: list[str], db: psycopg.Connection, make: Any, pointer: str
) -> None:
    nothing = ["uploads/task-" + "0" * 32, f"outputs/{uuid.uuid4()}/thumb.webp"]
    answers = []
    for key in [*bobs, *nothing, "samples/a.jpg", "uploads", "outputs/a", "a/b/c/d"]:
        answer = await ada.post("/v1/tasks", json=make(key))
        assert answer.status_code == 422
        problem = answer.json()
        assert [error["pointer"] for error in problem["errors"]] == [pointer]
        answers.append({name: problem[name] for name in ("code", "detail", "errors")})
    assert all(answer == answers[0] for answer in answers)
    assert db.execute("SELECT count(*) FROM tasks").fetchone() == (1,)


@EACH
async def test_ones_own_may_be_named(
    ada: User, cluster: FakeCluster, db: psycopg.Connection, make: Any, pointer: str
) -> None:
    assert pointer
    first = (await ada.upload()).json()
    uid = uid_of(first["id"])
    seen = {"namespace": "media", "name": first["id"], "uid": uid, "status": "succeeded"}
    db.execute("SELECT darkroom_record(%s)", [Jsonb(seen)])
    for key in (first["source"]["key"], f"outputs/{uid}/thumb.webp"):
        answer = await ada.post("/v1/tasks", json=make(key))
        assert answer.status_code == 202, answer.text
        await until(lambda: ("media", answer.json()["id"]) in cluster.resources)  # noqa: B023


async def test_an_uploads_overlay_is_looked_at_too_and_leaves_nothing(
    ada: User, bobs: list[str], objects: Any, db: psycopg.Connection
) -> None:
    recipe = {"outputs": watermark(bobs[0])["outputs"]}
    assert (await ada.upload(recipe=recipe)).status_code == 422
    assert len(list(objects.glob("uploads/*"))) == 1
    assert db.execute("SELECT count(*) FROM tasks").fetchone() == (1,)


async def test_an_admin_may_name_what_an_admin_may_see(admin: User, bobs: list[str]) -> None:
    for key in bobs:
        assert (await admin.post("/v1/tasks", json=inspect(key))).status_code == 202
