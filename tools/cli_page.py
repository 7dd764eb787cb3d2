"""The page of every command line, made from its parser.

Not what --help prints: that differs between versions of Python.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs/reference/cli.md"
_HEAD: Final = """\
<!-- Generated from the parsers by `make generate`; do not edit. -->
# Command lines

Each image runs one program, and each program answers `--help`. In a cluster they are started by the
chart; by hand they are run in a pod
(`kubectl -n darkroom exec deployment/darkroom-api -- python -m darkroom_api doctor`), or in the
repository by `uv run`. What is set for a whole installation is in the environment:
[settings of the API](settings-api.md), [of the operator](settings-operator.md).
"""


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for module, parser in _parsers():
        said = parser.prog if parser.prog.endswith(module) else f"{parser.prog}, python -m {module}"
        parts.append(f"## {said}\n\n{_prose(parser)}{_table(parser)}")
        parts += [
            f"### {words}\n\n{_prose(command, summary)}{_table(command)}"
            for words, summary, command in _commands(parser, parser.prog)
        ]
    return "\n".join(parts)


def _parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    from darkroom_api import __main__ as api  # noqa: PLC0415  # slow to import
    from darkroom_operator import __main__ as operator  # noqa: PLC0415
    from darkroom_processor import command_line as processor  # noqa: PLC0415

    yield "darkroom_api", api._parser()  # noqa: SLF001  # nobody else needs it
    yield "darkroom_operator", operator._parser()  # noqa: SLF001
    yield "darkroom_processor", processor._parser()  # noqa: SLF001


def _commands(
    parser: argparse.ArgumentParser, words: str
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    for action in parser._actions:  # noqa: SLF001  # argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            for name, command in action.choices.items():
                yield f"{words} {name}", helps.get(name, ""), command
                yield from _commands(command, f"{words} {name}")


def _prose(parser: argparse.ArgumentParser, summary: str = "") -> str:
    text = (parser.description or summary).strip()
    if "\n" not in text:
        text = text[:1].upper() + text[1:]
        return f"{text}{'' if text.endswith('.') else '.'}\n" if text else ""
    # Written as it is printed: what has columns is shown as it stands.
    paragraphs = text.split("\n\n")
    return "\n\n".join(f"```\n{p}\n```" if "\n  " in p else p for p in paragraphs) + "\n"


def _table(parser: argparse.ArgumentParser) -> str:
    rows = [
        f"| `{_name(action)}` | {'required' if _is_required(action) else ''} | {_help(action)} |\n"
        for action in parser._actions  # noqa: SLF001
        if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)  # noqa: SLF001
    ]
    head = "\n| argument | | meaning |\n| --- | --- | --- |\n"
    return head + "".join(rows) if rows else ""


def _name(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return f"{metavar} ..." if action.nargs in {"+", "*"} else metavar
    option = action.option_strings[-1]
    return option if action.nargs == 0 else f"{option} {metavar}"


def _is_required(action: argparse.Action) -> bool:
    return action.required and action.nargs != "*"


def _help(action: argparse.Action) -> str:
    return ((action.help or "") % vars(action)).replace("|", "\\|")
