"""libvips through pyvips: `thumbnail`, which shrinks while it decodes."""

import pyvips  # type: ignore[import-not-found]  # in an environment of its own
from orders import serve


def _make(source: str, format_: str, quality: int | None) -> bytes:
    image = pyvips.Image.thumbnail(source, 512, height=100_000, size="down")
    settings = {} if quality is None else {"Q": quality}
    if format_ == "avif":
        return bytes(image.heifsave_buffer(compression="av1", strip=True, **settings))
    suffix = {"jpeg": ".jpg", "webp": ".webp"}[format_]
    return bytes(image.write_to_buffer(suffix, strip=True, **settings))


if __name__ == "__main__":
    pyvips.cache_set_max(0)
    serve(_make)
