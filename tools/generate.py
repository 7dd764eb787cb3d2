"""Write, or check, every file that is made from the models.

`make generate` writes them, `make verify` fails where what is checked in is stale.
"""

import argparse
import re
import sys
from pathlib import Path

import chart_readme
import chart_settings
import cli_page
import errors_page
import metrics_page
import operations_page
import settings_page
import yaml
from darkroom_core import crd
from darkroom_core.assignment import Assignment
from darkroom_core.facts import Facts
from darkroom_core.reference import conditions_page, resource_page
from darkroom_core.report import Report
from dashboards.boards import BOARDS
from dashboards.grafana import document
from named_tuples import module

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "# Generated from core/ by `make generate`; do not edit.\n"


def main() -> int:
    """Write the files; with --check only compare them and return 1 where one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--pictures", action="store_true", help="draw those that are there anew")
    options = parser.parse_args()
    stale = [path for path, text in generated().items() if _is_stale(path, text)]
    # Encoders write other bytes elsewhere: only that a picture is there can be compared.
    missing = [p for p in operations_page.pictures() if options.pictures or not p.exists()]
    for path in stale + missing:
        if not options.check:
            _write(path)
        print(f"{'stale' if options.check else 'wrote'}: {path.relative_to(ROOT)}")
    if options.check and stale + missing:
        print("Run `make generate` and commit the result.", file=sys.stderr)
        return 1
    return 0


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path in operations_page.pictures():
        operations_page.draw(path)
    else:
        path.write_text(generated()[path])


def generated() -> dict[Path, str]:
    """Return the text of every generated file."""
    files = {
        ROOT / "docs/reference/conditions.md": conditions_page(),
        operations_page.PAGE: operations_page.page(),
        ROOT / "api/openapi.json": _openapi(),
        chart_readme.README: chart_readme.page(),
        chart_settings.SCHEMA: chart_settings.schema(),
        cli_page.PAGE: cli_page.page(),
        errors_page.PAGE: errors_page.page(),
        metrics_page.PAGE: metrics_page.page(),
        settings_page.PAGE: settings_page.page(),
        ROOT / "processor-image/src/darkroom_processor/documents.py": module(
            Assignment, Report, Facts
        ),
    }
    for board in BOARDS:
        files[ROOT / f"charts/darkroom/monitoring/{board.uid}.json"] = document(board)
    for resource in crd.definitions():
        name = resource["metadata"]["name"]
        page = f"{resource['spec']['names']['singular']}.md"
        files[ROOT / "crds" / f"{name}.yaml"] = NOTICE + _yaml(resource)
        files[ROOT / "charts/darkroom/templates/crds" / f"{name}.yaml"] = _chart_template(resource)
        files[ROOT / "docs/reference" / page] = resource_page(resource)
    # All in one, for `kubectl apply --server-side` by whoever may define kinds.
    definitions = [_yaml(resource) for resource in crd.definitions()]
    files[ROOT / "crds/crds.yaml"] = NOTICE + "---\n".join(definitions)
    return files


def _openapi() -> str:
    from darkroom_api import openapi  # noqa: PLC0415  # slow to import

    return openapi.text()


def _chart_template(resource: dict[str, object]) -> str:
    """Wrap the CRD for Helm: optional, and kept when the release is uninstalled."""
    body = _yaml(resource).replace(
        "metadata:\n",
        "metadata:\n"
        "  annotations:\n"
        '    helm.sh/resource-policy: "keep"\n'
        "  labels:\n"
        '    {{- include "darkroom.labels" . | nindent 4 }}\n',
        1,
    )
    return f"{NOTICE}{{{{- if .Values.crds.enabled }}}}\n{body}{{{{- end }}}}\n"


class _Dumper(yaml.SafeDumper):
    """Writes `y` and `n` in quotes: to Kubernetes' reader they are true and false."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^[yYnN]$"), list("yYnN"))


def _yaml(document: object) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100)


def _is_stale(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text() != text


if __name__ == "__main__":
    raise SystemExit(main())
