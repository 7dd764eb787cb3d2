"""Recipes that are made, changed and deleted over REST."""

from typing import Any

from darkroom_api.testing import RECIPE, FakeCluster, User

WEB: dict[str, Any] = {"name": "web", "description": "For pages.", **RECIPE}


async def test_operators_make_change_and_delete_recipes(
    admin: User, ada: User, cluster: FakeCluster
) -> None:
    assert (await ada.post("/v1/recipes", json=WEB)).status_code == 403
    made = await admin.post("/v1/recipes", json=WEB)
    assert made.status_code == 201, made.text
    assert made.headers["location"].endswith("/v1/recipes/web")
    assert made.json()["changeable"] is True
    labels = cluster.recipes["media", "web"]["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/managed-by": "darkroom-api"}
    again = await admin.post("/v1/recipes", json=WEB)
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    change = {"outputs": RECIPE["outputs"][:1]}
    changed = await admin.http.put("/v1/recipes/web", headers=admin.headers, json=change)
    assert (changed.status_code, len(changed.json()["outputs"])) == (200, 1)
    assert (await ada.http.delete("/v1/recipes/web", headers=ada.headers)).status_code == 403
    assert (await admin.http.delete("/v1/recipes/web", headers=admin.headers)).status_code == 204
    assert (await admin.http.delete("/v1/recipes/web", headers=admin.headers)).status_code == 404


async def test_recipes_of_the_chart_are_left_to_the_chart(
    admin: User, cluster: FakeCluster
) -> None:
    labels = {"app.kubernetes.io/name": "darkroom", "app.kubernetes.io/instance": "darkroom"}
    metadata = {"name": "web", "namespace": "media", "labels": labels}
    cluster.recipes["media", "web"] = {"metadata": metadata, "spec": {"type": "Image", **RECIPE}}
    assert (await admin.get("/v1/recipes/web")).json()["changeable"] is False
    for answer in (
        await admin.http.put("/v1/recipes/web", headers=admin.headers, json=RECIPE),
        await admin.http.delete("/v1/recipes/web", headers=admin.headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "managed_elsewhere")
    assert ("media", "web") in cluster.recipes


async def test_what_the_api_server_refuses_points_at_the_request(
    admin: User, cluster: FakeCluster
) -> None:
    cluster.refusal = 'ProcessingRecipe "web" is invalid'
    cluster.causes = [
        ("spec.outputs[1].operations[0].resize.width", "too small"),
        ("metadata", "?"),
    ]
    refused = await admin.post("/v1/recipes", json=WEB)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"pointer": "#/outputs/1/operations/0/resize/width", "detail": "too small"},
        {"pointer": "#", "detail": "?"},
    ]
    wrong: Any
    for wrong in ({**WEB, "name": "No"}, {**WEB, "outputs": []}, {**WEB, "more": 1}, []):
        assert (await admin.post("/v1/recipes", json=wrong)).status_code == 422
    cluster.is_away = True
    assert (await admin.post("/v1/recipes", json=WEB)).status_code == 503
    cluster.is_away = False
