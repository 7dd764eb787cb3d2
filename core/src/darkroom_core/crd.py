"""The CustomResourceDefinition, made from the models.

Pydantic's JSON Schema is turned into what a structural schema may hold: references are written
out, titles and examples go into the description or away, `anyOf: [x, null]` becomes `x`.
"""

from typing import Any, Final

from darkroom_core import names
from darkroom_core.task import TaskSpec, TaskStatus

NAME: Final = f"{names.PLURAL}.{names.GROUP}"

_SUCCEEDED: Final = '.status.conditions[?(@.type=="Succeeded")]'
_COLUMNS: Final = (
    ("Status", "string", ".status.state", "Where the task is.", 0),
    ("Reason", "string", f"{_SUCCEEDED}.reason", "Why it is there.", 0),
    ("Attempts", "integer", ".status.attempts", "Processors started.", 0),
    ("Age", "date", ".metadata.creationTimestamp", "Time since it was created.", 0),
    ("Finished", "date", ".status.finishedAt", "Time since it ended.", 0),
    ("Job", "string", ".status.job", "Its Job.", 1),
    ("Message", "string", f"{_SUCCEEDED}.message", "The story in a sentence.", 1),
)


def processing_task_crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of ProcessingTask."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": [names.SHORT_NAME],
                "categories": [names.CATEGORY],
            },
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "selectableFields": [{"jsonPath": ".status.state"}, {"jsonPath": ".spec.type"}],
                    "additionalPrinterColumns": [_column(*column) for column in _COLUMNS],
                    "schema": {"openAPIV3Schema": _resource_schema()},
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


def _resource_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "One source picture and the files to make from it. Deleting it cancels it.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(TaskSpec.model_json_schema(by_alias=True)),
            "status": structural(
                TaskStatus.model_json_schema(by_alias=True, mode="serialization"),
                with_defaults=False,
            ),
        },
    }


def structural(schema: dict[str, Any], *, with_defaults: bool = True) -> dict[str, Any]:
    """Return a Pydantic JSON Schema as a Kubernetes structural schema.

    Status has no defaults: what the operator did not observe is not there.
    """
    return _node(schema, schema.get("$defs", {}), with_defaults=with_defaults)


# Kubernetes refuses `additionalProperties: false` beside `properties`: unknown fields are pruned,
# and refused by kubectl's strict validation.
_DROPPED: Final = {"$defs", "$ref", "title", "examples", "additionalProperties", "anyOf"}


def _node(schema: dict[str, Any], defs: dict[str, Any], *, with_defaults: bool) -> dict[str, Any]:
    merged = _resolved(schema, defs)
    node = {key: value for key, value in merged.items() if key not in _DROPPED}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if not with_defaults or node.get("default") is None:
        node.pop("default", None)
    if "properties" in merged:
        node["properties"] = {
            name: _node(value, defs, with_defaults=with_defaults)
            for name, value in merged["properties"].items()
        }
    if "items" in merged:
        node["items"] = _node(merged["items"], defs, with_defaults=with_defaults)
    if not with_defaults and "required" in node and "properties" in node:
        node["required"] = [name for name in node["required"] if _is_required(name, merged)]
        if not node["required"]:
            del node["required"]
    if "examples" in merged and "description" in node:
        node["description"] += f" Example: {merged['examples'][0]}."
    return node


def _is_required(name: str, schema: dict[str, Any]) -> bool:
    return "default" not in schema["properties"][name]


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
