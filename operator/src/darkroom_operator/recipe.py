"""A recipe as the operator reads it, and what it means for a task that names it."""

from dataclasses import dataclass
from typing import Any

from darkroom_core.conditions import Reason
from darkroom_core.preset import RecipeSpec
from darkroom_core.task import TaskSpec, UsedRecipe
from pydantic import ValidationError

from darkroom_operator.children import Hindrance
from darkroom_operator.task import Task
from darkroom_operator.unreadable import problem_of


@dataclass(frozen=True, slots=True)
class Recipe:
    """One ProcessingRecipe."""

    uid: str
    namespace: str
    name: str
    generation: int
    spec: RecipeSpec | None
    """None where this operator cannot read it."""
    problem: str = ""

    @property
    def key(self) -> str:
        """What tasks find it by."""
        return f"{self.namespace}/{self.name}"


def read_recipe(raw: dict[str, Any]) -> Recipe:
    """Read the API server's JSON; a spec of another version becomes a problem to report."""
    metadata = raw["metadata"]
    spec, problem = None, ""
    try:
        spec = RecipeSpec.model_validate(raw.get("spec") or {})
    except ValidationError as error:
        problem = problem_of(error)
    return Recipe(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata.get("generation", 1),
        spec=spec,
        problem=problem,
    )


def recipe_key(task: Task, spec: TaskSpec) -> str:
    """Return the key of the recipe that the task still has to be started with; else nothing."""
    return f"{task.metadata.namespace}/{spec.recipe}" if spec.recipe else ""


def recipe_gate(spec: TaskSpec, recipe: Recipe | None) -> Hindrance | None:
    """Return what keeps a task from starting with its recipe; None where nothing does."""
    if spec.recipe is None:
        return None
    if recipe is None:
        return Hindrance(
            Reason.RECIPE_NOT_FOUND,
            f"There is no ProcessingRecipe {spec.recipe} in this namespace; it starts when there "
            "is. `kubectl get precipe` lists those that there are.",
        )
    if recipe.spec is None:
        return Hindrance(
            Reason.INVALID, f"Its recipe {spec.recipe} cannot be read: {recipe.problem}."
        )
    if recipe.spec.type is not spec.type:
        return Hindrance(
            Reason.INVALID,
            f"Its recipe {spec.recipe} is for tasks of type {recipe.spec.type.value}, and it is of "
            f"type {spec.type.value}. Make a task of that type, or name another recipe.",
        )
    return None


def used(recipe: Recipe, spec: RecipeSpec) -> UsedRecipe:
    """Return what a task keeps of the recipe that it is started with."""
    return UsedRecipe(name=recipe.name, generation=recipe.generation, outputs=spec.outputs)
