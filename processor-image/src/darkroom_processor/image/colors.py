"""Colours: whatever a file holds becomes L, RGB or RGBA, in sRGB where that is wanted.

16 bits of grey (mode I;16) are kept as long as an output and all its operations keep them.
"""

import io
from typing import Final

from darkroom_core.vocabulary import ColorProfile, Format
from PIL import Image

from darkroom_processor.documents import Output

KEEPS_PROFILE: Final = frozenset({Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.TIFF})
"""The formats into which a profile can be embedded."""
_CHANNELS: Final = {"L": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB ", "CMYK": b"CMYK"}
_DEEP_FORMATS: Final = frozenset({Format.PNG, Format.TIFF})
_DEEP: Final = "I;16"
_EIGHT_BITS: Final = 255
_SIXTEEN_BITS: Final = 65_535


def wants_sixteen_bits(output: Output) -> bool:
    """Whether an output's format and settings have room for 16 bits."""
    return output.format in _DEEP_FORMATS and output.depth != 8 and not output.colors  # noqa: PLR2004


def normal(image: Image.Image, *, keep_deep: bool = False) -> Image.Image:
    """Return a picture in a mode that can be resized well: L, RGB, RGBA or CMYK.

    With `keep_deep`, 16 bits of grey stay so (I;16).
    """
    if image.mode in {"L", "RGB", "RGBA", "CMYK"} and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _grey(image, keep_deep=keep_deep)
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")


def sixteen_bits(image: Image.Image) -> Image.Image:
    """Return a picture in grey with 16 bits; any other as it is."""
    if image.mode != "L":
        return image
    # 255 becomes 65,535 exactly.
    return image.convert("I").point(lambda value: value * 257).convert(_DEEP)


def _grey(image: Image.Image, *, keep_deep: bool) -> Image.Image:
    """Return deep grey in 8 or 16 bits; convert() alone would cut everything above 255 off."""
    if image.mode.startswith("I;16"):
        if keep_deep:
            return image if image.mode == _DEEP else image.convert("I").convert(_DEEP)
        image, top = image.convert("I"), float(_SIXTEEN_BITS)
    else:
        top = _top(image)
    scale = (_SIXTEEN_BITS if keep_deep else _EIGHT_BITS) / top
    scaled = image.point(lambda value: value * scale + 0.5)
    return scaled.convert("I").convert(_DEEP) if keep_deep else scaled.convert("L")


def _top(image: Image.Image) -> float:
    """Return what counts as white in a picture that does not say it: of 1, 8, 16 or 32 bits."""
    _, high = image.getextrema()
    assert isinstance(high, int | float)  # noqa: S101  # of one band
    for top in (1.0, float(_EIGHT_BITS), float(_SIXTEEN_BITS)):
        if high <= top and (top > 1 or image.mode == "F"):
            return top
    return float(high) if high == high else 1.0  # noqa: PLR0124  # not a number


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415  # slow to import, seldom needed

    converted = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None  # noqa: S101  # it is not done in place
    return converted


def kept_profile(profile: bytes | None, image: Image.Image, output: Output) -> bytes | None:
    """Return the profile that an output embeds: its picture is still in that profile's space."""
    if profile and _is_kept(profile, image.mode, output):
        return profile
    return None


def _is_kept(profile: bytes, mode: str, output: Output) -> bool:
    return (
        output.color_profile is ColorProfile.KEEP
        and all(format_ in KEEPS_PROFILE for format_ in _formats_of(output))
        and mode != "CMYK"
        and profile[16:20] in {b"RGB ", b"GRAY"}
        and (profile[16:20] == _CHANNELS.get(mode, b"GRAY") or mode == "L")
    )


def _formats_of(output: Output) -> tuple[Format, ...]:
    return output.responsive.formats if output.responsive else (output.format,)


def in_output_space(image: Image.Image, profile: bytes | None, output: Output) -> Image.Image:
    """Return a picture in L, RGB or RGBA (or I;16), its colours as the output wants them."""
    if profile and _is_kept(profile, image.mode, output):
        return image
    return to_srgb(image, profile)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a picture in L, RGB or RGBA, its colours brought from its ICC profile to sRGB."""
    if profile and image.mode != _DEEP and not _is_srgb(profile):
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        converted = _converted(image.convert("RGB") if alpha else image, profile)
        if converted is not None:
            if alpha is not None:
                converted.putalpha(alpha)
            return converted
    return image.convert("RGB") if image.mode == "CMYK" else image


def _is_srgb(profile: bytes) -> bool:
    """Whether a profile calls itself sRGB: most do, and converting those costs for nothing."""
    name = "sRGB IEC61966-2"
    return name.encode() in profile or name.encode("utf-16-be") in profile


def _converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the picture in sRGB; None where the profile is broken or not for such a picture."""
    from PIL import ImageCms  # noqa: PLC0415  # slow to import, seldom needed

    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if converted is None:
        return None
    return converted.convert("L") if image.mode == "L" else converted
