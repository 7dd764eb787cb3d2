"""Everything is real here: Pillow, files, sockets, subprocesses. Nothing outside is reached.

Pictures are drawn by the tests; `web` is an HTTP server of this process on 127.0.0.1.
"""

import io
import json
import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from darkroom_core.recipe import Output as RecipeOutput
from darkroom_core.recipe import files_of
from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    Limits,
    SignedRequest,
)
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import process
from PIL import Image

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """A server whose answers are set by tests, and which remembers what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str]] = []
        self.stored: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}

    def serve(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        """Answer `path` so, and return its URL."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer
        return self.url + path


@pytest.fixture
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            path = self.path.partition("?")[0]
            site.requests.append((self.command, self.path))
            site.headers[path] = dict(self.headers)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if path in site.answers:
                site.answers[path](self)
                return
            site.stored[path] = body
            self.send_response(201 if self.command in {"PUT", "POST"} else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_POST = handle_any  # noqa: N815  # the names http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Web(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield site
        server.shutdown()


@pytest.fixture(autouse=True)
def as_pillow_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put Pillow's own limit back, which the processor sets for its process."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    """Return a function that saves a picture to bytes: (image, format, **settings)."""

    def encode(image: Image.Image, format_: str, **settings: Any) -> bytes:
        file = io.BytesIO()
        image.save(file, format_, **settings)
        return file.getvalue()

    return encode


@pytest.fixture
def photograph() -> Callable[[int, int], Image.Image]:
    """Return a function that draws something with gradients, edges and a little noise."""

    def draw(width: int, height: int) -> Image.Image:
        gradient = Image.linear_gradient("L").resize((width, height))
        few = (width // 8 or 1, height // 8 or 1)
        # Pillow's own noise is another one each time.
        grains = Image.frombytes("L", few, random.Random(1).randbytes(few[0] * few[1]))
        noise = grains.point(lambda value: value // 2 + 64).resize((width, height))
        image = Image.merge(
            "RGB", (gradient, gradient.transpose(Image.Transpose.ROTATE_180), noise)
        )
        image.paste((200, 30, 30), (width // 4, height // 4, width // 2, height // 2))
        return image

    return draw


@pytest.fixture
def assignment_of() -> Callable[..., Assignment]:
    """Return a function that assigns a recipe's outputs, with all their files, on local files.

    (source, *outputs, ...): an output is a dict as in a recipe; the name may be left out.
    """
    nowhere = SignedRequest("")

    def assign(source: Path, *outputs: dict[str, Any], **more: Any) -> Assignment:
        recipe = [{"name": f"o{i}", "format": "png", **each} for i, each in enumerate(outputs)]
        return Assignment(
            "test",
            sources=(AssignedSource(SignedRequest(str(source))),),
            outputs=tuple(
                AssignedOutput(
                    output,
                    tuple(
                        AssignedFile(file.name, file.format, nowhere)
                        for file in files_of(RecipeOutput.model_validate(plain))
                    ),
                )
                for plain, output in zip(recipe, read_outputs(json.dumps(recipe)), strict=True)
            ),
            **more,
        )

    return assign


@pytest.fixture
def run(
    tmp_path: Path, assignment_of: Callable[..., Assignment]
) -> Callable[..., list[Image.Image]]:
    """Return a function that sends a file through a recipe and opens what comes out.

    (data, *outputs, limits=...): an output is a dict as in a recipe; the name may be left out.
    """

    def run_(
        data: bytes, *outputs: dict[str, Any], limits: Limits | None = None
    ) -> list[Image.Image]:
        source, folder = tmp_path / "source", tmp_path / "outputs"
        source.write_bytes(data)
        usual = Image.MAX_IMAGE_PIXELS
        made = process(
            assignment_of(source, *outputs, limits=limits or Limits()),
            LocalFiles(folder),
            str(tmp_path),
        )
        Image.MAX_IMAGE_PIXELS = usual
        assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs", "source"]
        images: list[Image.Image] = []
        for report in made.outputs:
            path = next(folder.glob(f"{report.name}.*"))
            assert path.stat().st_size == report.bytes
            image: Image.Image = Image.open(io.BytesIO(path.read_bytes()), formats=[report.format])
            image.load()
            assert (image.width, image.height) == (report.width, report.height)
            images.append(image)
        return images

    return run_
