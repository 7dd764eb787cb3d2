"""The task that every benchmark runs, and how its processor would report."""

from typing import Any, Final

from darkroom_core import names
from darkroom_core.recipe import Format
from darkroom_core.report import OutputReport, Report, Timings, pack

THUMB: Final[dict[str, Any]] = {
    "name": "thumb",
    "operations": [{"resize": {"width": 512, "height": 512, "fit": "cover"}}],
    "format": "webp",
}


def task(name: str, *, source: dict[str, str] | None = None, **spec: object) -> dict[str, Any]:
    """Return a task's manifest; further parts of its spec as the resource spells them."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.TASK.kind,
        "metadata": {"name": name},
        "spec": {
            "source": source or {"key": f"uploads/{name}"},
            "outputs": [THUMB],
            **spec,
        },
    }


def report() -> str:
    """Return the termination message of a processor that has written the output."""
    output = OutputReport(
        name="thumb", format=Format.WEBP, width=512, height=512, bytes=31_337, sha256="0f" * 32
    )
    timings = Timings(fetch=21, decode=34, render=55, store=13)
    return pack(Report(outputs=[output], timings=timings, peak_memory_bytes=96_000_000), ())
