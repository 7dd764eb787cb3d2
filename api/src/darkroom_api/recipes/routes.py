"""Recipes: what there is to choose from. They are made with kubectl, or by the chart."""

from typing import Any

from fastapi import APIRouter

from darkroom_api import errors, responses
from darkroom_api.deps import Res, TaskReader
from darkroom_api.recipes.schemas import RecipeList, RecipeView
from darkroom_api.tasks.cluster import ClusterUnavailableError

router = APIRouter(prefix="/v1/recipes", tags=["recipes"])


@router.get(
    "",
    operation_id="listRecipes",
    responses=responses.of(errors.UnauthorizedError, errors.UnavailableError),
)
async def list_recipes(_: TaskReader, resources: Res) -> RecipeList:
    """List the recipes that tasks may name."""
    try:
        found = await resources.cluster.recipes(resources.settings.namespace)
    except ClusterUnavailableError:
        raise errors.UnavailableError(
            "Kubernetes, which has the recipes, does not answer"
        ) from None
    return RecipeList(data=sorted(map(_view_of, found), key=lambda recipe: recipe.name))


@router.get(
    "/{name}",
    operation_id="getRecipe",
    responses=responses.of(errors.UnauthorizedError, errors.NotFoundError, errors.UnavailableError),
)
async def get_recipe(name: str, _: TaskReader, resources: Res) -> RecipeView:
    """Look at a recipe."""
    try:
        found = await resources.cluster.recipe(resources.settings.namespace, name)
    except ClusterUnavailableError:
        raise errors.UnavailableError(
            "Kubernetes, which has the recipes, does not answer"
        ) from None
    if found is None:
        raise errors.NotFoundError(f"there is no recipe {name}")
    return _view_of(found)


def _view_of(resource: dict[str, Any]) -> RecipeView:
    spec = resource.get("spec") or {}
    return RecipeView(
        name=resource["metadata"]["name"],
        type=spec.get("type", "Image"),
        description=spec.get("description", ""),
        outputs=spec.get("outputs", []),
    )
