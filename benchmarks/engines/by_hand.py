"""Pillow by hand, with care: JPEG drafted at the scale that is needed, the rest with a gap."""

import io

from orders import serve
from PIL import Image


def _make(source: str, format_: str, quality: int | None) -> bytes:
    with Image.open(source) as image:
        size = 512, round(image.height * 512 / image.width)
        image.draft("RGB", size)
        small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    settings = {} if quality is None else {"quality": quality}
    if format_ == "avif":
        settings["max_threads"] = 1
    small.save(file, format_, **settings)
    return file.getvalue()


if __name__ == "__main__":
    serve(_make)
