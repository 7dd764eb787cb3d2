"""The hashes of how a picture looks, held to what the reference implementations say."""

import pytest
from darkroom_processor.image.hashes import blur_hash, difference_hash, thumb_hash
from PIL import Image


def drawn(width: int, height: int, *, clear: bool = False) -> Image.Image:
    """A picture that is told by a formula, so that every language can draw it."""
    data = bytes(
        value
        for y in range(height)
        for x in range(width)
        for value in (
            255 * (width - 1 - x) // (width - 1),
            255 * (height - 1 - y) // (height - 1),
            (x * 7 + y * 13) % 256,
            (0 if x < width / 2 else 255 - y) if clear else 255,
        )
    )
    return Image.frombytes("RGBA", (width, height), data)


# Made by the npm packages blurhash (woltapp) and thumbhash (evanw) from the same pictures.
@pytest.mark.parametrize(
    ("width", "height", "blur", "thumb"),
    [
        (32, 24, "L:Hewc|?$6xGq9objpkAgufdfSfm", "3/cJTZp+iHiPdndYh4eXiI999wh4"),
        (24, 32, "L:HoE}|?,WxHq5ocjuk8gefffNfk", "4AcKRRp/eX94iHZolpaIeJ+O9gh4"),
        (20, 20, "L=HoI4|_,ZxHq3oYjrk8gpflfUfj", "HwgKPxqPeHhfd3eEeYhph4eI9/fsj4AH"),
    ],
)
def test_the_placeholders_are_those_of_the_reference_implementations(
    width: int, height: int, blur: str, thumb: str
) -> None:
    image = drawn(width, height)
    assert blur_hash(image.convert("RGB")) == blur
    assert thumb_hash(image) == thumb


def test_a_thumb_hash_knows_transparency() -> None:
    assert thumb_hash(drawn(32, 24, clear=True)) == "m3aFHIxXSXo/pkyIluMDScAHp4iHeIh4Bw=="


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (100, 3)])
def test_any_size_has_hashes(size: tuple[int, int]) -> None:
    image = Image.new("RGBA", size, (10, 200, 30, 255))
    assert len(blur_hash(image.convert("RGB"))) == 28
    assert thumb_hash(image)
    assert difference_hash(image) == "0" * 16


def apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_pictures_that_look_alike_differ_in_few_bits() -> None:
    image = Image.radial_gradient("L").crop((0, 30, 160, 150)).convert("RGB")
    small = image.resize((50, 40)).quantize(32).convert("RGB")
    assert apart(difference_hash(image), difference_hash(small)) <= 8
    turned = image.transpose(Image.Transpose.ROTATE_180)
    assert apart(difference_hash(image), difference_hash(turned)) >= 16
