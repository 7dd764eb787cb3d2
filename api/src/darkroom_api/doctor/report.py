"""All checks, and how they are shown."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from darkroom_api.doctor.cluster import check_cluster
from darkroom_api.doctor.database import check_database
from darkroom_api.doctor.finding import Finding, Status, failed, ok
from darkroom_api.doctor.mail import check_mail
from darkroom_api.doctor.storage import check_storage
from darkroom_api.errors import CommandError
from darkroom_api.settings import Settings, read_settings

_MARKS: Final = {
    Status.OK: "ok     ",
    Status.WARNING: "warning",
    Status.FAILED: "FAILED ",
    Status.SKIPPED: "skipped",
}


def doctor(*, is_json: bool) -> int:
    """Check everything, say what was found and how it is mended; 0 if nothing has failed."""
    try:
        settings = read_settings()
    except CommandError as error:
        findings = [failed("settings", str(error), "set what is named: see the settings' page")]
    else:
        findings = [ok("settings", "complete"), *asyncio.run(examine(settings))]
    is_well = not any(finding.status is Status.FAILED for finding in findings)
    sys.stdout.write(_as_json(findings, is_well=is_well) if is_json else _as_text(findings))
    return 0 if is_well else 1


async def examine(settings: Settings) -> list[Finding]:
    """Return what all checks find."""
    url = settings.database_url.get_secret_value()
    return [
        *check_database(url, connections=settings.database_connections),
        *check_storage(settings.storage),
        *[finding async for finding in check_cluster(settings.namespace)],
        await check_mail(settings.mail),
    ]


def _as_json(findings: Sequence[Finding], *, is_well: bool) -> str:
    document = {"ok": is_well, "checks": [asdict(finding) for finding in findings]}
    return json.dumps(document, indent=2) + "\n"


def _as_text(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.status]} {finding.check}: {finding.detail}")
        if finding.fix:
            lines.append(f"{'':8}fix: {finding.fix}")
    return "\n".join(lines) + "\n"
