"""What the endpoints of recipes give."""

from typing import Annotated, Any, Literal

from darkroom_core.recipe import MAX_OUTPUTS
from darkroom_core.schema import DNS_LABEL
from pydantic import BaseModel, ConfigDict, Field


class RecipeChange(BaseModel):
    """What a recipe makes. The API server checks it, and its refusal points at each place."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["Image", "Video"] = Field(
        "Image", description="The type of the tasks that it is for."
    )
    description: Annotated[str, Field(max_length=500)] = Field(
        "", description="What it is for.", examples=["For pages."]
    )
    outputs: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_OUTPUTS)] = Field(
        description="What it makes, as `outputs` of a task would say it.",
        examples=[[{"name": "thumb", "format": "webp"}]],
    )


class NewRecipe(RecipeChange):
    """A recipe to make."""

    name: Annotated[str, Field(max_length=63, pattern=DNS_LABEL)] = Field(
        description="What tasks will give as `recipe`.", examples=["web"]
    )


class RecipeView(BaseModel):
    """Outputs under a name."""

    name: str = Field(description="What a task gives as `recipe`.", examples=["web"])
    object: Literal["recipe"] = "recipe"
    type: str = Field(description="The type of the tasks that it is for.", examples=["Image"])
    description: str = Field(description="What it is for.")
    outputs: list[dict[str, Any]] = Field(
        description="What it makes, as `outputs` of a task would say it."
    )
    changeable: bool = Field(
        description="Whether it is changed here; one that the chart made is changed there."
    )


class RecipeList(BaseModel):
    """All recipes, by name."""

    object: Literal["list"] = "list"
    data: list[RecipeView]
