"""The ProcessingRecipe resource: outputs under a name, for tasks that say `recipe`."""

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from darkroom_core.laws import OUTPUT_LAWS, Law, Wished, checked, rules_of
from darkroom_core.recipe import MAX_OUTPUTS, Output
from darkroom_core.schema import Document
from darkroom_core.vocabulary import TABLES, TaskType

_TYPES: Final = (TaskType.IMAGE, TaskType.VIDEO)
_NO_TABLES: Final[Law[Wished]] = Law(
    "a recipe makes pictures and videos, no tables",
    "self.outputs.all(o, !(o.format in ['csv', 'xlsx', 'parquet', 'zip']) && !has(o.table))",
    lambda spec: all(o.format not in TABLES and o.table is None for o in spec.outputs),
)


class RecipeSpec(Document):
    """What is made of a source."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [*rules_of(*OUTPUT_LAWS, _NO_TABLES)]}
    )

    description: Annotated[str, Field(max_length=500)] = Field(
        "", description="A sentence for those who choose among recipes."
    )
    type: Annotated[TaskType, Field(json_schema_extra={"enum": [t.value for t in _TYPES]})] = Field(
        TaskType.IMAGE, description="The type of the tasks that it is for: Image or Video."
    )
    outputs: Annotated[list[Output], Field(min_length=1, max_length=MAX_OUTPUTS)] = Field(
        description="The files to make, up to 64, all from one decoding of the source.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )

    @model_validator(mode="after")
    def _keeps_the_laws(self) -> Self:
        if self.type not in _TYPES:
            raise ValueError("a recipe is of type Image or Video")
        checked(self, (*OUTPUT_LAWS, _NO_TABLES))
        return self
