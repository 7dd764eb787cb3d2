"""Recipes by name over REST, and the facts that tasks tell."""

import json
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from darkroom_api.testing import RECIPE, FakeCluster, User, uid_of, until
from psycopg.types.json import Jsonb

WEB: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "media"},
    "spec": {"type": "Image", "description": "For pages.", **RECIPE},
}
BY_NAME = {"source": {"url": "https://example.com/a.jpg"}, "recipe": "web"}


async def test_recipes_are_listed_and_shown(
    client: httpx2.AsyncClient, ada: User, cluster: FakeCluster
) -> None:
    cluster.recipes = {
        ("media", "web"): WEB,
        ("media", "avatar"): {**WEB, "metadata": {"name": "avatar"}},
    }
    listed = (await ada.get("/v1/recipes")).json()
    assert [recipe["name"] for recipe in listed["data"]] == ["avatar", "web"]
    shown = (await ada.get("/v1/recipes/web")).json()
    assert (shown["description"], shown["outputs"]) == ("For pages.", RECIPE["outputs"])
    assert (await ada.get("/v1/recipes/other")).status_code == 404
    assert (await client.get("/v1/recipes")).status_code == 401


async def test_a_task_by_name_becomes_a_resource_that_names_it(
    ada: User, cluster: FakeCluster
) -> None:
    cluster.recipes = {("media", "web"): WEB}
    for answer in (
        await ada.post("/v1/tasks", json=BY_NAME),
        await ada.upload(recipe={"recipe": "web"}),
    ):
        assert answer.status_code == 202, answer.text
        task = answer.json()
        assert (task["recipe"], task["outputs"]) == ("web", [])
        await until(lambda: ("media", task["id"]) in cluster.resources)  # noqa: B023
        assert cluster.resources["media", task["id"]]["spec"]["recipe"] == "web"


async def test_a_name_that_is_a_mistake_is_refused_unless_nobody_can_say(
    ada: User, cluster: FakeCluster
) -> None:
    refused = await ada.post("/v1/tasks", json=BY_NAME)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/recipe")
    cluster.is_away = True
    assert (await ada.post("/v1/tasks", json=BY_NAME)).status_code == 202
    assert (await ada.get("/v1/recipes")).status_code == 503
    cluster.is_away = False


async def test_what_was_made_by_a_recipe_can_be_downloaded_with_its_facts(
    ada: User, bob: User, cluster: FakeCluster, db: psycopg.Connection, objects: Path
) -> None:
    cluster.recipes = {("media", "web"): WEB}
    task = (await ada.upload(recipe={"recipe": "web"})).json()["id"]
    assert (await ada.get(f"/v1/tasks/{task}/facts")).json()["code"] == "not_ready"
    uid = uid_of(task)
    sets = {"widths": [320, 640], "formats": ["webp"]}
    facts = {"sources": [{"format": "jpeg", "dominantColors": ["#102030"]}]}
    source = {"format": "jpeg", "width": 9, "height": 6, "bytes": 7, "sha256": "0" * 64}
    files = {"web.html": b"<picture>", "web-320-webp.webp": b"x"}
    seen = {
        "namespace": "media",
        "name": task,
        "uid": uid,
        "status": "succeeded",
        "recipe_outputs": [{"name": "web", "format": "html", "responsive": sets}],
        "source": source,
        "outputs": [
            {"name": name, "format": end, "bytes": len(files[f"{name}.{end}"]), "sha256": "1" * 64}
            for name, end in (("web", "html"), ("web-320-webp", "webp"))
        ],
    }
    db.execute("SELECT darkroom_record(%s)", [Jsonb(seen)])
    for name, content in {**files, "_facts.json": json.dumps(facts).encode()}.items():
        path = objects / "outputs" / uid / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    shown = (await ada.get(f"/v1/tasks/{task}")).json()
    assert [output["name"] for output in shown["outputs"]] == ["web", "web-320-webp"]
    assert (shown["source"]["width"], shown["source"]["format"]) == (9, "jpeg")
    page = await ada.get(shown["urls"]["outputs"]["web"])
    assert (page.headers["content-type"], page.content) == (
        "text/html; charset=utf-8",
        b"<picture>",
    )
    left_out = await ada.get(f"/v1/tasks/{task}/outputs/web-640-webp")
    assert (left_out.status_code, left_out.json()["code"]) == (404, "not_found")
    told = await ada.get(shown["urls"]["facts"])
    assert (told.headers["content-type"], told.json()) == ("application/json", facts)
    assert (await bob.get(shown["urls"]["facts"])).status_code == 404
    (objects / "outputs" / uid / "_facts.json").unlink()
    assert (await ada.get(shown["urls"]["facts"])).json()["code"] == "output_gone"
