"""Recipes over REST, kept by a real API server with its schema."""

import secrets
from typing import Any

import pytest
from darkroom_cluster.client import Client, RefusedError

OUTPUT = {"name": "a", "format": "webp", "operations": [{"resize": {"width": 64}}]}


def test_a_recipe_is_made_used_changed_and_deleted(
    admin: Client, user: Client, photograph: bytes
) -> None:
    name = f"small-{secrets.token_hex(4)}"
    made = admin.call("POST", "/v1/recipes", {"name": name, "outputs": [OUTPUT]})
    assert (made["name"], made["changeable"]) == (name, True)
    task = user.wait(user.submit(photograph, {"recipe": name})["id"])
    assert [output["width"] for output in task["outputs"]] == [64]

    wider: dict[str, Any] = {**OUTPUT, "operations": [{"resize": {"width": 128}}]}
    admin.call("PUT", f"/v1/recipes/{name}", {"outputs": [wider]})
    task = user.wait(user.submit(photograph, {"recipe": name})["id"])
    assert [output["width"] for output in task["outputs"]] == [128]

    assert admin.request("DELETE", f"/v1/recipes/{name}").status == 204
    assert user.request("GET", f"/v1/recipes/{name}").status == 404


def test_what_the_schema_refuses_points_into_the_request(admin: Client) -> None:
    wrong = {**OUTPUT, "operations": [{"resize": {"width": -1}}]}
    with pytest.raises(RefusedError) as refused:
        admin.call("POST", "/v1/recipes", {"name": "wrong", "outputs": [wrong]})
    problem = refused.value.answer.json()
    assert refused.value.answer.status == 422
    pointers = [field["pointer"] for field in problem["errors"]]
    assert "#/outputs/0/operations/0/resize/width" in pointers
