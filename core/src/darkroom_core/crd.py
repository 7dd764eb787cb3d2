"""The CustomResourceDefinitions, made from the models.

Pydantic's JSON Schema is turned into what a structural schema may hold: references are written
out, titles and examples go into the description or away, `anyOf: [x, null]` becomes `x`.
"""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel

from darkroom_core import names
from darkroom_core.names import Kind
from darkroom_core.pool import PoolSpec, PoolStatus
from darkroom_core.preset import RecipeSpec
from darkroom_core.schedule import ScheduleSpec, ScheduleStatus
from darkroom_core.task import DEFAULT_STATUS, TaskSpec, TaskStatus

_SUCCEEDED: Final = '.status.conditions[?(@.type=="Succeeded")]'
_READY: Final = '.status.conditions[?(@.type=="Ready")]'
_AGE: Final = ("Age", "date", ".metadata.creationTimestamp", "Time since it was created.", 0)

Column = tuple[str, str, str, str, int]
"""Name, type, path, description, and 1 where only `-o wide` shows it."""


def definitions() -> list[dict[str, Any]]:
    """Return every CustomResourceDefinition."""
    return [
        processing_task_crd(),
        processor_pool_crd(),
        processing_schedule_crd(),
        processing_recipe_crd(),
    ]


def processing_task_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of ProcessingTask."""
    columns: Sequence[Column] = (
        ("Status", "string", ".status.state", "Where the task is.", 0),
        ("Reason", "string", f"{_SUCCEEDED}.reason", "Why it is there.", 0),
        ("Attempts", "integer", ".status.attempts", "Processors started.", 0),
        _AGE,
        ("Finished", "date", ".status.finishedAt", "Time since it ended.", 0),
        ("Pool", "string", ".spec.pool", "Its pool.", 1),
        ("Priority", "string", ".spec.priority", "Its priority.", 1),
        ("Job", "string", ".status.job", "Its newest Job.", 1),
        ("Message", "string", f"{_SUCCEEDED}.message", "The story in a sentence.", 1),
    )
    crd = _definition(
        names.TASK,
        "Files to make from sources. Deleting it cancels it.",
        (TaskSpec, TaskStatus),
        columns,
    )
    (version,) = crd["spec"]["versions"]
    version["selectableFields"] = [
        {"jsonPath": path} for path in (".status.state", ".spec.type", ".spec.pool")
    ]
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    status["default"] = DEFAULT_STATUS
    # What was checked as a recipe is not checked again, nor described.
    outputs = status["properties"]["recipe"]["properties"]["outputs"]
    outputs["items"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return crd


def processor_pool_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of ProcessorPool."""
    columns: Sequence[Column] = (
        ("Replicas", "integer", ".spec.replicas", "Tasks that may run at once.", 0),
        ("Running", "integer", ".status.running", "Tasks that hold a place.", 0),
        ("Waiting", "integer", ".status.waiting", "Tasks that wait for a place.", 0),
        ("Reason", "string", f"{_READY}.reason", "What it does.", 0),
        _AGE,
        ("Image", "string", ".spec.template.image", "Its own image.", 1),
    )
    crd = _definition(
        names.POOL,
        "How many tasks run at once, in what order, and what their pods look like.",
        (PoolSpec, PoolStatus),
        columns,
    )
    (version,) = crd["spec"]["versions"]
    version["subresources"]["scale"] = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    # A pool without a spec is one with all the defaults; the scale subresource needs replicas.
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["default"] = {}
    del schema["required"]
    return crd


def processing_schedule_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of ProcessingSchedule."""
    columns: Sequence[Column] = (
        ("Schedule", "string", ".spec.schedule", "Its cron line.", 0),
        ("Time zone", "string", ".spec.timeZone", "Its time zone.", 0),
        ("Suspend", "boolean", ".spec.suspend", "Whether it rests.", 0),
        ("Last", "date", ".status.lastScheduleTime", "Time since its last time.", 0),
        ("Reason", "string", f"{_READY}.reason", "What it does.", 0),
        _AGE,
        ("Last task", "string", ".status.lastTask", "The task that it made last.", 1),
    )
    return _definition(
        names.SCHEDULE,
        "Tasks, or the retention sweep, at the times of a cron line.",
        (ScheduleSpec, ScheduleStatus),
        columns,
    )


def processing_recipe_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of ProcessingRecipe, which has no status."""
    columns: Sequence[Column] = (
        ("Type", "string", ".spec.type", "The type of the tasks that it is for.", 0),
        ("Description", "string", ".spec.description", "What it is for.", 0),
        _AGE,
    )
    crd = _definition(
        names.RECIPE,
        "Outputs under a name: a task says recipe instead of outputs.",
        (RecipeSpec,),
        columns,
    )
    (version,) = crd["spec"]["versions"]
    del version["subresources"]
    return crd


def _definition(
    kind: Kind,
    description: str,
    models: tuple[type[BaseModel]] | tuple[type[BaseModel], type[BaseModel]],
    columns: Sequence[Column],
) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": [kind.short_name],
                "categories": [names.CATEGORY],
            },
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(*column) for column in columns],
                    "schema": {"openAPIV3Schema": _resource_schema(description, *models)},
                }
            ],
        },
    }


def _column(name: str, type_: str, path: str, description: str, priority: int) -> dict[str, Any]:
    return {
        "name": name,
        "type": type_,
        "jsonPath": path,
        "description": description,
        "priority": priority,
    }


def _resource_schema(
    description: str, spec: type[BaseModel], status: type[BaseModel] | None = None
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(spec.model_json_schema(by_alias=True)),
        },
    }
    if status:
        schema["properties"]["status"] = structural(
            status.model_json_schema(by_alias=True, mode="serialization"), with_defaults=False
        )
    return schema


def structural(schema: dict[str, Any], *, with_defaults: bool = True) -> dict[str, Any]:
    """Return a Pydantic JSON Schema as a Kubernetes structural schema.

    Status has no defaults: what the operator did not observe is not there.
    """
    return _node(schema, schema.get("$defs", {}), with_defaults=with_defaults)


# Kubernetes refuses `additionalProperties: false` beside `properties`: unknown fields are pruned,
# and refused by kubectl's strict validation.
_DROPPED: Final = {"$defs", "$ref", "title", "examples", "additionalProperties", "anyOf"}
_RULES: Final = "x-kubernetes-validations"


def _node(
    schema: dict[str, Any], defs: dict[str, Any], *, with_defaults: bool, is_part: bool = False
) -> dict[str, Any]:
    merged = _resolved(schema, defs)
    node = {key: value for key, value in merged.items() if key not in _DROPPED}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if not with_defaults or node.get("default") is None:
        node.pop("default", None)

    def inner(value: dict[str, Any]) -> dict[str, Any]:
        return _node(value, defs, with_defaults=with_defaults, is_part=True)

    if "properties" in merged:
        node["properties"] = {name: inner(value) for name, value in merged["properties"].items()}
    elif isinstance(merged.get("additionalProperties"), dict):
        node["additionalProperties"] = inner(merged["additionalProperties"])
    if "items" in merged:
        node["items"] = inner(merged["items"])
    if is_part:
        _drop_transition_rules(node)
    if not with_defaults:
        _drop_defaulted(node, merged)
    if "examples" in merged and "description" in node:
        node["description"] += f" Example: {merged['examples'][0]}."
    return node


def _drop_transition_rules(node: dict[str, Any]) -> None:
    """Drop the rules about changes: what is fixed in a task may change in a template of tasks."""
    rules = [rule for rule in node.pop(_RULES, []) if "oldSelf" not in rule["rule"]]
    if rules:
        node[_RULES] = rules


def _drop_defaulted(node: dict[str, Any], schema: dict[str, Any]) -> None:
    """Drop from what is required that which has a default in the model."""
    required = [
        name for name in node.pop("required", []) if "default" not in schema["properties"][name]
    ]
    if required:
        node["required"] = required


def _resolved(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """Merge a reference, and the one branch of an `anyOf` that is not null, into the schema."""
    merged = dict(schema)
    if "anyOf" in merged:
        (branch,) = [option for option in merged["anyOf"] if option.get("type") != "null"]
        merged = {**branch, **{k: v for k, v in merged.items() if k != "anyOf"}}
    if "$ref" in merged:
        target = defs[merged["$ref"].rpartition("/")[2]]
        merged = {**_resolved(target, defs), **{k: v for k, v in merged.items() if k != "$ref"}}
    return merged
