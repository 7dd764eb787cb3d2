"""Kinds of pixels: what operations work on, and how a colour is written in it."""

from PIL import Image

Rgba = tuple[int, int, int, int]
OPAQUE = 255


def editable(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that every operation can work on: L, RGB or RGBA."""
    if image.mode in {"L", "RGB", "RGBA"}:
        return image
    if image.mode.startswith("I"):
        # convert() alone would cut everything above 255 off.
        return image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def color_of(text: str) -> Rgba:
    """Return the colour that #rrggbb or #rrggbbaa says; black for anything else."""
    try:
        parts = bytes.fromhex(text.removeprefix("#"))
    except ValueError:
        parts = b""
    red, green, blue, alpha = (*parts, *b"\0\0\0\xff"[len(parts) :])[:4]
    return red, green, blue, alpha


def is_grey(color: Rgba) -> bool:
    """Whether a colour has none."""
    return color[0] == color[1] == color[2]


def ink(color: Rgba, mode: str) -> tuple[int, ...]:
    """Return a colour in as many values as a mode has: L, RGB or RGBA."""
    return color[:1] if mode == "L" else color[: len(mode)]


def able_to_hold(image: Image.Image, color: Rgba) -> Image.Image:
    """Return a grey picture in RGB where an opaque colour that is put into it is not grey."""
    return image.convert("RGB") if image.mode == "L" and not is_grey(color) else image


def premultiplied(image: Image.Image) -> Image.Image:
    """Return the picture so that transparent pixels weigh nothing where pixels are mixed."""
    return image.convert("RGBa") if image.mode == "RGBA" else image


def straight(image: Image.Image) -> Image.Image:
    """Return a premultiplied picture as RGBA again, any other as it is."""
    return image.convert("RGBA") if image.mode == "RGBa" else image


def solid(image: Image.Image, reach: float) -> Image.Image:
    """Return the colours of an RGBA picture alone; where it is transparent, of pixels in reach.

    Whatever colour a file has below transparent pixels would else shine out at their edges.
    """
    from PIL import ImageFilter  # noqa: PLC0415  # seldom needed

    around = straight(premultiplied(image).filter(ImageFilter.BoxBlur(reach)))
    return Image.composite(image, around, image.getchannel("A")).convert("RGB")
