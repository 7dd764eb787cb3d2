"""`python -m darkroom_operator`: the operator, told by its environment."""

import argparse
import sys

from darkroom_core.logs import log_as
from pydantic import ValidationError

from darkroom_operator.settings import Settings


def main() -> int:
    """Run the operator; return its exit code."""
    _parser().parse_args()
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(_complaints(error))
        return 2
    log_as(settings.log)
    import uvloop  # noqa: PLC0415  # after --help and complaints

    from darkroom_operator.main import run  # noqa: PLC0415

    # TLS in C: asyncio's own is in Python, and was a large part of what a task costs.
    uvloop.run(run(settings))
    return 0


def _parser() -> argparse.ArgumentParser:
    rows = [
        f"  {f'DARKROOM_{name.upper()}':<36} {field.description}"
        for name, field in Settings.model_fields.items()
    ]
    return argparse.ArgumentParser(
        prog="python -m darkroom_operator",
        description="Turns ProcessingTasks into Jobs, and tells what came of them.",
        epilog="environment:\n" + "\n".join(rows),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _complaints(error: ValidationError) -> str:
    lines = []
    for complaint in error.errors(include_url=False, include_input=False):
        name = "__".join(str(part).upper() for part in complaint["loc"])
        lines.append(f"DARKROOM_{name}: {complaint['msg']}\n")
    return "".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
