"""Colours: whatever a file holds becomes 8-bit L, RGB or RGBA in sRGB."""

import io

from PIL import Image


def eight_bit(image: Image.Image) -> Image.Image:
    """Return a picture in a mode that can be resized well: L, RGB, RGBA or CMYK."""
    if image.mode in {"L", "RGB", "RGBA", "CMYK"} and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        # convert() alone would cut everything above 255 off.
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a picture in L, RGB or RGBA, its colours brought from its ICC profile to sRGB."""
    if profile and not _is_srgb(profile):
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
