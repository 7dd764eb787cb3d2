"""thumbor's own engine, called as its handlers call it: no HTTP, no filters."""

from pathlib import Path

from orders import serve
from thumbor.config import Config  # type: ignore[import-not-found]  # in an environment of its own
from thumbor.context import Context  # type: ignore[import-not-found]  # as above
from thumbor.engines.pil import Engine  # type: ignore[import-not-found]  # as above

_CONTEXT = Context(config=Config())


def _make(source: str, format_: str, quality: int | None) -> bytes:
    engine = Engine(_CONTEXT)
    engine.load(Path(source).read_bytes(), ".jpg")
    width, height = engine.size
    engine.resize(512, round(height * 512 / width))
    return bytes(engine.read({"jpeg": ".jpg"}.get(format_, f".{format_}"), quality))


if __name__ == "__main__":
    serve(_make)
