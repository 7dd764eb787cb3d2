"""`make bench`: measures Darkroom, each figure beside what it is a ratio of.

`jobs` needs the cluster of `make up`; the others make a cluster of their own and end it.
"""

import argparse
import importlib
import os
import time
from pathlib import Path
from typing import Final

from figures import publish

PARTS: Final = ("jobs", "scale", "latency", "burst", "cancel", "images", "api")


def main() -> None:
    """Measure the parts that were asked for; print and write each one's figures."""
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # No `choices`: argparse would refuse the empty list, which means all.
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--state", type=Path, default=Path(".darkroom"))
    modules = {part: importlib.import_module(part) for part in PARTS}
    for module in modules.values():
        module.add_arguments(parser)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    for part in options.parts or PARTS:
        began = time.monotonic()
        print(f"{part}:", (modules[part].__doc__ or "").partition("\n")[0])
        print(f"  load of the machine: {os.getloadavg()[0]:.1f}", flush=True)
        figures = modules[part].measure(options)
        publish(figures, options.state / "bench.json")
        print(f"{part} took {time.monotonic() - began:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
