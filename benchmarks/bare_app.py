"""A FastAPI application with nothing in it: what the API is compared with.

One reads a row by its key from the same Postgres, with a pool as large; the other writes what it is
sent into a file. It is served as Darkroom is: by uvicorn, in one process.
"""

import os
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool


def create_app(database_url: str, directory: Path, connections: int) -> FastAPI:
    """Return the application."""
    pool = AsyncConnectionPool(
        database_url, kwargs={"autocommit": True}, min_size=2, max_size=connections, open=False
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with pool:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/rows/{row_id}")
    async def read(row_id: str) -> dict[str, Any] | None:
        async with pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute("SELECT * FROM tasks WHERE id = %s", [row_id])
            return await cursor.fetchone()

    @app.post("/files")
    async def write(request: Request) -> dict[str, int]:
        body = await request.body()
        await run_sync((directory / uuid.uuid4().hex).write_bytes, body)
        return {"bytes": len(body)}

    return app


def main() -> None:
    """Serve it."""
    with tempfile.TemporaryDirectory(prefix="darkroom-bare-") as directory:
        app = create_app(os.environ["DATABASE_URL"], Path(directory), 10)
        uvicorn.run(
            app,
            host="127.0.0.1",
            port=int(os.environ["PORT"]),
            access_log=False,
            log_config=None,
            timeout_keep_alive=75,
        )


if __name__ == "__main__":
    main()
