"""Encoding: a picture in, a file's bytes out, with nothing in it that was not asked for."""

import io
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from darkroom_core.vocabulary import Format, Subsampling
from PIL import Image

from darkroom_processor.documents import Output
from darkroom_processor.image import colors, memory, quality
from darkroom_processor.image.metadata import Written
from darkroom_processor.image.palette import MOST_COLORS, in_palette, in_palette_with_alpha
from darkroom_processor.limits import (
    allowed_memory,
    check_memory,
    check_output_side,
    usable_cpus,
)

QUALITY: Final = {Format.JPEG: 80, Format.WEBP: 80, Format.AVIF: 67, Format.PDF: 85}
"""Used where a recipe names none; for about the same likeness in each format."""
_LARGE: Final = 4_000_000
"""Pixels: what has fewer is not worth asking for the container's limit."""
_PNG_LEVEL: Final = 6
_WEBP_METHOD: Final = 2
"""Half the time of method 4, which libwebp would take, for a fortieth more bytes."""
_AVIF_SPEED: Final = 7
_MOST_EFFORT: Final = 10
_WEBP_METHODS: Final = 6
_ICON_SIDES: Final = (16, 32, 48)
_HAS_ALPHA: Final = frozenset(
    {Format.PNG, Format.WEBP, Format.AVIF, Format.GIF, Format.TIFF, Format.ICO}
)
_HAS_EXIF: Final = frozenset({Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.TIFF})
_TIFF_PREDICTOR, _TIFF_XMP, _EXIF_IFD = 317, 700, 0x8769
_HORIZONTAL: Final = 2


class Extras(NamedTuple):
    """What a file carries beside its pixels."""

    written: Written = Written()
    profile: bytes | None = None
    """The ICC profile that the pixels are in; None is sRGB."""


PLAIN: Final = Extras()
"""Nothing but pixels, in sRGB."""


class File(io.BytesIO):
    """A file in memory with a name: by its end Pillow finds the plugin, and imports no other."""

    def __init__(self, format_: Format) -> None:
        """Start empty."""
        super().__init__()
        self.name = f"output.{format_.extension}"


def encode(image: Image.Image, output: Output, extras: Extras = PLAIN) -> bytes:
    """Return the picture as a file in the output's format; raises Rejected where it cannot be."""
    check_output_side(image.size, output.format)
    if image.width * image.height > _LARGE:
        needed = memory.needed_to_encode(output.format, image.size)
        check_memory(needed, allowed_memory(), f"Encoding output {output.name}")
    image = fitted(image, output)

    def at(quality_: int) -> bytes:
        return saved(image, output, quality_, extras)

    if output.similarity is not None:
        return at(quality.alike(at, image, output))
    return quality.aimed(at, output, QUALITY)


def fitted(image: Image.Image, output: Output) -> Image.Image:
    """Return the picture in a mode that the format can hold, in the depth that is wanted."""
    if image.mode == "RGBA" and output.format not in _HAS_ALPHA:
        image = _flattened(image, output.background)
    if output.format is Format.GIF:
        return in_palette(colors.normal(image), output.colors or MOST_COLORS)
    if output.colors and output.format is Format.PNG:
        return in_palette_with_alpha(colors.normal(image), output.colors)
    if not colors.wants_sixteen_bits(output):
        return colors.normal(image)
    return colors.sixteen_bits(image) if output.depth == 16 else image  # noqa: PLR2004


def settings(output: Output, quality_: int, extras: Extras) -> dict[str, Any]:
    """Return what Pillow is told about an output, at a quality."""
    chosen = {**_CODING.get(output.format, _nothing)(output, quality_), **_carried(output, extras)}
    if extras.profile and output.format in colors.KEEPS_PROFILE:
        chosen["icc_profile"] = extras.profile
    return chosen


def saved(image: Image.Image, output: Output, quality_: int, extras: Extras) -> bytes:
    """Return a picture that fits the format as a file, at a quality."""
    chosen = settings(output, quality_, extras)
    if output.format is Format.ICO:
        chosen["sizes"] = _icon_sizes(image.size)
    # Several formats write what they find here: comments, profiles, resolutions.
    image.info = {key: image.info[key] for key in image.info.keys() & {"transparency"}}
    file = File(output.format)
    image.save(file, format=None, **chosen)
    return file.getvalue()


def _jpeg(output: Output, quality_: int) -> dict[str, Any]:
    subsampling = output.subsampling or Subsampling.QUARTER
    return {
        "quality": quality_,
        "progressive": output.progressive,
        "subsampling": subsampling.value,
    }


def _webp(output: Output, quality_: int) -> dict[str, Any]:
    effort = output.effort
    method = _WEBP_METHOD if effort is None else round(effort * _WEBP_METHODS / _MOST_EFFORT)
    return {"quality": quality_, "lossless": output.lossless, "method": method}


def _avif(output: Output, quality_: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "quality": quality_,
        "speed": _AVIF_SPEED if output.effort is None else _MOST_EFFORT - output.effort,
        "max_threads": usable_cpus(),
    }
    if output.subsampling is not None:
        chosen["subsampling"] = output.subsampling.value
    return chosen


def _png(output: Output, _: int) -> dict[str, Any]:
    level = _PNG_LEVEL if output.effort is None else max(1, min(9, output.effort))
    return {"compress_level": level}


def _tiff(_: Output, _quality: int) -> dict[str, Any]:
    return {"compression": "tiff_adobe_deflate"}


def _pdf(_: Output, quality_: int) -> dict[str, Any]:
    # Without a name and a date the same picture makes the same file.
    return {"quality": quality_, "title": None, "creationDate": None, "modDate": None}


def _nothing(_: Output, _quality: int) -> dict[str, Any]:
    return {}


_CODING: Final = {
    Format.JPEG: _jpeg,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.PNG: _png,
    Format.TIFF: _tiff,
    Format.PDF: _pdf,
}


def _carried(output: Output, extras: Extras) -> Mapping[str, Any]:
    """Return the metadata as Pillow takes it for the format."""
    exif, xmp = extras.written
    if output.format is Format.TIFF:
        tags = Image.Exif()
        if exif:
            tags.load(exif)
            # libtiff writes no tables below the first.
            tags = _without(tags, _EXIF_IFD)
        if xmp:
            tags[_TIFF_XMP] = xmp
        tags[_TIFF_PREDICTOR] = _HORIZONTAL
        return {"exif": tags}
    if output.format not in _HAS_EXIF:
        return {}
    carried: dict[str, Any] = {"exif": exif} if exif else {}
    if xmp and output.format is Format.PNG:
        from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415  # only where it is needed

        carried["pnginfo"] = PngInfo()
        carried["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif xmp:
        carried["xmp"] = xmp
    return carried


def _without(tags: Image.Exif, table: int) -> Image.Exif:
    kept = Image.Exif()
    for tag, value in tags.items():
        if tag != table:
            kept[tag] = value
    return kept


def _icon_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the picture's own size and, of a square one, the usual smaller ones."""
    if size[0] != size[1]:
        return [size]
    return [*((side, side) for side in _ICON_SIDES if side < size[0]), size]


def _flattened(image: Image.Image, background: str) -> Image.Image:
    red, green, blue = bytes.fromhex(background.removeprefix("#").rjust(6, "0")[:6])
    canvas = Image.new("RGB", image.size, (red, green, blue))
    canvas.paste(image, mask=image)
    return canvas
