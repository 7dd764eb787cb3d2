"""What the endpoints of recipes give."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class RecipeView(BaseModel):
    """Outputs under a name."""

    name: str = Field(description="What a task gives as `recipe`.", examples=["web"])
    object: Literal["recipe"] = "recipe"
    type: str = Field(description="The type of the tasks that it is for.", examples=["Image"])
    description: str = Field(description="What it is for.")
    outputs: list[dict[str, Any]] = Field(
        description="What it makes, as `outputs` of a task would say it."
    )


class RecipeList(BaseModel):
    """All recipes, by name."""

    object: Literal["list"] = "list"
    data: list[RecipeView]
