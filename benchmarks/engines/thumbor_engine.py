"""thumbor as it is used: its HTTP server, asked over one connection that is kept; no storages.

The server is in this process: its time is what is measured, and the client's is next to nothing.
"""

import asyncio
import http.client
import threading
from pathlib import Path
from urllib.parse import quote

from orders import serve
from thumbor.app import (  # type: ignore[import-not-found]  # in an environment of its own
    ThumborServiceApp,
)
from thumbor.config import Config  # type: ignore[import-not-found]  # as above
from thumbor.context import Context, ServerParameters  # type: ignore[import-not-found]  # as above
from thumbor.importer import Importer  # type: ignore[import-not-found]  # as above
from tornado.httpserver import HTTPServer  # type: ignore[import-not-found]  # as above

_FORMATS = {"jpeg": "jpeg", "webp": "webp", "avif": "avif"}


def _listen(ports: list[int], ready: threading.Event) -> None:
    async def run() -> None:
        config = Config(
            LOADER="thumbor.loaders.file_loader",
            FILE_LOADER_ROOT_PATH="/",
            STORAGE="thumbor.storages.no_storage",
            ALLOW_UNSAFE_URL=True,
        )
        importer = Importer(config)
        importer.import_modules()
        parameters = ServerParameters(0, "127.0.0.1", "", None, "error", None)
        server = HTTPServer(ThumborServiceApp(Context(parameters, config, importer)))
        server.listen(0, "127.0.0.1")
        ports.extend(each.getsockname()[1] for each in server._sockets.values())  # noqa: SLF001  # no other way
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(run())


def main() -> None:
    """Start the server, then do orders."""
    ports: list[int] = []
    ready = threading.Event()
    threading.Thread(target=_listen, args=(ports, ready), daemon=True).start()
    ready.wait()
    connection = http.client.HTTPConnection("127.0.0.1", ports[0])

    def make(source: str, format_: str, quality: int | None) -> bytes:
        filters = f"filters:format({_FORMATS[format_]})"
        if quality is not None:
            filters += f":quality({quality})"
        connection.request("GET", f"/unsafe/512x/{filters}{quote(str(Path(source)))}")
        response = connection.getresponse()
        body = response.read()
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"thumbor answered {response.status}")
        return body

    serve(make)


if __name__ == "__main__":
    main()
