"""The chart's README: what it needs, and every value with its meaning, from values.yaml."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
CHART: Final = ROOT / "charts/darkroom"
README: Final = CHART / "README.md"
_LONGEST_DEFAULT: Final = 60

_HEAD: Final = """\
<!-- Generated from values.yaml by `make generate`; do not edit. -->

# The chart of Darkroom

{description}

It needs Kubernetes {kubernetes} and Helm 3.10 or newer. Without values it is an evaluation: its
own PostgreSQL, pictures on a volume. How it is installed, what for, and with which rights:
[docs/howto/install.md](../../docs/howto/install.md).

| File | What for |
|---|---|
| `values-kind.yaml` | one small node, as kind and `make up` have it |
| `values-production.yaml` | your own PostgreSQL and S3, several replicas, NetworkPolicies |
| `values-openshift.yaml` | laid over it where each namespace has users of its own |

`values.schema.json` refuses a name that is not here, and values that contradict each other end the
rendering with a sentence that says what to do.

## Values

| Value | Default | Meaning |
|---|---|---|
"""


class Value(NamedTuple):
    """One value: where it is, what it is by default, and what it means."""

    path: str
    default: Any
    meaning: str


def page() -> str:
    """Return the README's text."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    needed = chart["kubeVersion"].removeprefix(">=").removesuffix("-0").removesuffix(".0")
    head = _HEAD.format(description=chart["description"], kubernetes=f"{needed} or newer")
    rows = (f"| `{v.path}` | {_default(v.default)} | {_cell(v.meaning)} |" for v in values())
    return head + "\n".join(rows) + "\n"


def values() -> Iterator[Value]:
    """Yield what has a comment with `# --` above it, in the order of the file.

    Raises ValueError where a comment stands above nothing.
    """
    text = (CHART / "values.yaml").read_text()
    document = yaml.safe_load(text)
    path: list[tuple[int, str]] = []
    meaning: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- ") or (meaning and stripped.startswith("# ")):
            meaning.append(stripped.removeprefix("# -- ").removeprefix("# "))
            continue
        if ":" not in stripped or stripped.startswith(("#", "-")):
            if meaning:
                raise ValueError(f"no value is below: {' '.join(meaning)}")
            continue
        indent = len(line) - len(line.lstrip())
        path = [part for part in path if part[0] < indent] + [(indent, stripped.partition(":")[0])]
        if meaning:
            names = [name for _, name in path]
            yield Value(".".join(names), _at(document, names), " ".join(meaning))
            meaning = []


def _at(document: Any, names: list[str]) -> Any:  # noqa: ANN401  # YAML
    for name in names:
        document = document[name]
    return document


def _default(value: Any) -> str:  # noqa: ANN401  # YAML
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= _LONGEST_DEFAULT else "see values.yaml"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
