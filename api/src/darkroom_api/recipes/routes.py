"""Recipes: what there is to choose from. They are made here, with kubectl, or by the chart."""

from http import HTTPStatus
from typing import Any, Final

from darkroom_core import names
from fastapi import APIRouter, Request, Response

from darkroom_api import errors, responses
from darkroom_api.deps import RecipeWriter, Res, TaskReader
from darkroom_api.recipes.schemas import NewRecipe, RecipeChange, RecipeList, RecipeView
from darkroom_api.resources import Resources
from darkroom_api.tasks.refusing import told
from darkroom_api.tasks.resource import MANAGER

router = APIRouter(prefix="/v1/recipes", tags=["recipes"])

_PLACES: Final = {"spec": "#", "metadata.name": "#/name"}
_INSTANCE: Final = "app.kubernetes.io/instance"
_WRITING: Final = responses.of(
    errors.BadRequestError,
    errors.UnauthorizedError,
    errors.ForbiddenError,
    errors.ManagedElsewhereError,
    errors.InvalidError,
    errors.UnavailableError,
)


@router.get(
    "",
    operation_id="listRecipes",
    responses=responses.of(errors.UnauthorizedError, errors.UnavailableError),
)
async def list_recipes(_: TaskReader, resources: Res) -> RecipeList:
    """List the recipes that tasks may name."""
    with told(_PLACES):
        found = await resources.cluster.all(names.RECIPE, resources.settings.namespace)
    return RecipeList(data=sorted(map(_view_of, found), key=lambda recipe: recipe.name))


@router.get(
    "/{name}",
    operation_id="getRecipe",
    responses=responses.of(errors.UnauthorizedError, errors.NotFoundError, errors.UnavailableError),
)
async def get_recipe(name: str, _: TaskReader, resources: Res) -> RecipeView:
    """Look at a recipe."""
    return _view_of(await _found(resources, name))


@router.post(
    "",
    operation_id="createRecipe",
    status_code=HTTPStatus.CREATED,
    responses=_WRITING | responses.of(errors.NameTakenError),
)
async def create_recipe(
    recipe: NewRecipe, request: Request, response: Response, _: RecipeWriter, resources: Res
) -> RecipeView:
    """Make a recipe. Tasks may name it at once."""
    metadata = {
        "namespace": resources.settings.namespace,
        "name": recipe.name,
        "labels": {names.MANAGED_BY_LABEL: MANAGER},
    }
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.RECIPE.kind,
        "metadata": metadata,
        "spec": recipe.model_dump(exclude={"name"}),
    }
    with told(_PLACES):
        made = await resources.cluster.create(names.RECIPE, body)
    response.headers["Location"] = f"{request.base_url}v1/recipes/{recipe.name}"
    return _view_of(made)


@router.put(
    "/{name}",
    operation_id="replaceRecipe",
    responses=_WRITING | responses.of(errors.NotFoundError, errors.ChangedMeanwhileError),
)
async def replace_recipe(
    name: str, recipe: RecipeChange, _: RecipeWriter, resources: Res
) -> RecipeView:
    """Write a recipe anew. Tasks that have started keep the one that they started with."""
    found = await _changeable(resources, name)
    with told(_PLACES):
        written = await resources.cluster.replace(
            names.RECIPE, {**found, "spec": recipe.model_dump()}
        )
    return _view_of(written)


@router.delete(
    "/{name}",
    operation_id="deleteRecipe",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_WRITING | responses.of(errors.NotFoundError),
)
async def delete_recipe(name: str, _: RecipeWriter, resources: Res) -> None:
    """Delete a recipe. Tasks that wait and name it wait until there is one of its name again."""
    found = await _changeable(resources, name)
    with told(_PLACES):
        await resources.cluster.delete(
            names.RECIPE, resources.settings.namespace, name, uid=found["metadata"]["uid"]
        )


async def _found(resources: Resources, name: str) -> dict[str, Any]:
    with told(_PLACES):
        found = await resources.cluster.one(names.RECIPE, resources.settings.namespace, name)
    if found is None:
        raise errors.NotFoundError(f"there is no recipe {name}")
    return found


async def _changeable(resources: Resources, name: str) -> dict[str, Any]:
    found = await _found(resources, name)
    if not _is_changeable(found):
        raise errors.ManagedElsewhereError(
            f"the recipe {name} was made by the chart: change `recipes` in its values"
        )
    return found


def _is_changeable(resource: dict[str, Any]) -> bool:
    """Whether no chart would write over it."""
    labels = resource["metadata"].get("labels") or {}
    return _INSTANCE not in labels and labels.get(names.MANAGED_BY_LABEL, MANAGER) == MANAGER


def _view_of(resource: dict[str, Any]) -> RecipeView:
    spec = resource.get("spec") or {}
    return RecipeView(
        name=resource["metadata"]["name"],
        type=spec.get("type", "Image"),
        description=spec.get("description", ""),
        outputs=spec.get("outputs", []),
        changeable=_is_changeable(resource),
    )
