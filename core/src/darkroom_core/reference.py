"""Reference pages in Markdown, made from the models so that they cannot go stale."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

from darkroom_core.conditions import Reason, State

_NOTICE = "<!-- Generated from core/ by `make generate`; do not edit. -->\n"


def conditions_page() -> str:
    """Return the page of states and reasons."""
    return (
        f"{_NOTICE}# States, conditions and reasons\n\n"
        "`status.state` is a summary for columns and field selectors; the conditions are the\n"
        "contract. `Ready`, `Reconciling` and `Stalled` follow kstatus, which Helm, Flux and Argo\n"
        "read; `Succeeded` is `Unknown` until the task ends, then `True` or `False`.\n\n"
        "`Reconciling` and `Stalled` exist only while they are true.\n\n"
        f"## States\n\n{_enum_table(State)}\n## Reasons\n\n{_enum_table(Reason)}"
    )


def resource_page(crd: dict[str, Any]) -> str:
    """Return the page of every field of a resource."""
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    sections = []
    for part in (part for part in ("spec", "status") if part in schema):
        rows = "".join(_field_rows(part, schema[part]))
        rules = "".join(f"- {message}\n" for message in _messages(schema[part]))
        sections.append(
            f"## {part}\n\n{schema[part]['description']}\n\n"
            f"| Field | Type | Default | Meaning |\n| --- | --- | --- | --- |\n{rows}"
            + (
                f"\nThe API server refuses what breaks one of these rules:\n\n{rules}"
                if rules
                else ""
            )
        )
    return f"{_NOTICE}# {crd['spec']['names']['kind']}\n\n" + "\n".join(sections)


def _enum_table(enum: type[Enum]) -> str:
    rows = "".join(f"| `{value}` | {text} |\n" for value, text in member_docs(enum).items())
    return f"| Value | Meaning |\n| --- | --- |\n{rows}"


def member_docs(enum: type[Enum]) -> dict[str, str]:
    """Return each member's value with the docstring that follows it in the source."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(enum))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  # what a class' source parses to
    docs: dict[str, str] = {}
    for assignment, following in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(assignment, ast.Assign)
            and isinstance(assignment.targets[0], ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            value = str(enum[assignment.targets[0].id].value)
            docs[value] = " ".join(str(following.value.value).split())
    return docs


def _field_rows(path: str, node: dict[str, Any]) -> Iterator[str]:
    for name, field in node.get("properties", {}).items():
        here = f"{path}.{name}"
        default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        needed = "required" if name in node.get("required", []) else default
        yield f"| `{here}` | {_type(field)} | {needed} | {field.get('description', '')} |\n"
        inner = field.get("items", field)
        yield from _field_rows(here + ("[]" if "items" in field else ""), inner)


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    if "items" in field:
        return f"list of {_type(field['items'])}"
    return str(field.get("format", field["type"]))


def _messages(node: dict[str, Any]) -> Iterator[str]:
    yield from (rule["message"] for rule in node.get("x-kubernetes-validations", []))
    for field in node.get("properties", {}).values():
        yield from _messages(field.get("items", field))
