"""`python -m darkroom_operator.apply`: makes the resources that the chart describes.

Helm looks up every kind before it creates anything, so a release that brings the definition of a
kind cannot bring an object of it. A Job of the release does, with this, once the definition is
there. It runs again when what it applies has changed, and then what the chart says is what counts.
"""

import asyncio
import json
import logging
import os
import sys
import time
from typing import Any, Final

from darkroom_core import names

from darkroom_operator.autoscaling.objects import ApiObjects, open_objects
from darkroom_operator.errors import ClusterError

_LOG: Final = logging.getLogger(__name__)

MANIFESTS: Final = "DARKROOM_MANIFESTS"
MANAGER: Final = "darkroom-chart"
_PATIENCE_SECONDS: Final = 60
_RETRY_SECONDS: Final = 1
_PLURALS: Final = {kind.kind: kind.plural for kind in (names.POOL, names.SCHEDULE, names.RECIPE)}


def main() -> int:
    """Apply every manifest of the JSON list in the environment; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    manifests = json.loads(os.environ[MANIFESTS])
    try:
        asyncio.run(apply(manifests))
    except ClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def apply(manifests: list[dict[str, Any]]) -> None:
    """Apply the manifests; raises ClusterError where one is refused for a minute."""
    end = time.monotonic() + _PATIENCE_SECONDS
    async with open_objects() as objects:
        for manifest in manifests:
            await _apply_patiently(objects, manifest, end)
            _LOG.info("%s %s is as the chart says", manifest["kind"], manifest["metadata"]["name"])


async def _apply_patiently(objects: ApiObjects, manifest: dict[str, Any], end: float) -> None:
    """Apply one manifest; its definition may have been made just now."""
    while True:
        try:
            await objects.apply(path_of(manifest), manifest, MANAGER)
        except ClusterError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


def path_of(manifest: dict[str, Any]) -> str:
    """Return where the API server has the object."""
    metadata = manifest["metadata"]
    plural = _PLURALS[manifest["kind"]]
    where = f"/apis/{manifest['apiVersion']}/namespaces/{metadata['namespace']}"
    return f"{where}/{plural}/{metadata['name']}"


if __name__ == "__main__":
    raise SystemExit(main())
