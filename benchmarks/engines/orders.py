"""What every engine of `images` does: take orders on its input, tell seconds on its output.

Seconds are the processor's, of all threads: a busy machine says the same as a quiet one.

An order is a line of JSON: {"source", "format", "quality", "times", "output"}. One answer each.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Make = Callable[[str, str, int | None], bytes]
"""Source's path, format and quality (None: the engine's own) to a file's bytes, 512 wide."""


def serve(make: Make) -> None:
    """Do orders until there are no more."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        start = time.process_time()
        for _ in range(order["times"]):
            made = make(order["source"], order["format"], order["quality"])
        seconds = time.process_time() - start
        if order["output"]:
            Path(order["output"]).write_bytes(made)
        print(json.dumps({"seconds": seconds, "bytes": len(made)}), flush=True)
