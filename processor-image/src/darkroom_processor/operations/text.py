"""Text: written upon a picture in fonts that the processor carries, so that nothing is cut.

The basic layout is used wherever it runs: the other one depends on what the machine has, and would
break lines differently.
"""

import math
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from darkroom_core.vocabulary import Align, Font
from PIL import Image, ImageDraw, ImageFont

from darkroom_processor.documents import Text
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.geometry import Size, clamped, rotated_size, whole_turn
from darkroom_processor.operations.marks import Mark, mark_of, put_upon, room_for
from darkroom_processor.operations.modes import Rgba, color_of

_FOLDER: Final = Path(__file__).parent.parent / "fonts"
_FILES: Final = {
    Font.SANS: "DejaVuSans.ttf",
    Font.SANS_BOLD: "DejaVuSans-Bold.ttf",
    Font.SERIF: "DejaVuSerif.ttf",
    Font.MONO: "DejaVuSansMono.ttf",
}
_LONGEST: Final = 500
_SMALLEST: Final = 6
"""Letters are not drawn smaller, in pixels: the drawing is made smaller instead."""
_LARGEST: Final = 2048
_BEFORE_WORDS_BREAK: Final = 0.6
"""Letters become so much smaller before a word that is too long is broken."""
_PADDING: Final = 0.3
"""Of a background box, in heights of a letter."""
_ALIGNED: Final = {Align.LEFT: 0.0, Align.CENTER: 0.5, Align.RIGHT: 1.0}


class Block(NamedTuple):
    """Lines of a text in letters of one size."""

    font: ImageFont.FreeTypeFont
    lines: tuple[str, ...]
    starts: tuple[tuple[float, int], ...]
    """Where each line begins, on its base line."""
    box: tuple[int, int, int, int]
    """What the lines and all their ink need."""

    @property
    def size(self) -> Size:
        """Width and height of the box."""
        return self.box[2] - self.box[0], self.box[3] - self.box[1]


def text(image: Image.Image, text: Text, context: Context) -> Image.Image:
    """Return the picture with a text upon it."""
    if not _readable(text.text).strip():
        return image
    return put_upon(image, context.mark_for(text, image.size, lambda: _mark(text, image.size)))


def _mark(text: Text, size: Size) -> Mark:
    block = laid_out(text, size)
    drawn = _drawn(block, text)
    return mark_of(drawn, text, size, drawn.size)


def laid_out(text: Text, size: Size) -> Block:
    """Return the text in the largest letters, up to the wanted ones, that fit into a picture."""
    wanted = _letters(text.font, clamped(text.size, 0, 1) * size[1])
    longest = max(1.0, clamped(text.max_width, 0, 1) * size[0])
    room = room_for(text, size)

    def block_of(letters: int, *, break_words: bool) -> Block | None:
        block = _block(text, letters, longest, break_words=break_words)
        if block is None:
            return None
        padding = 2 * _padding(text, letters)
        turned = rotated_size(
            block.size[0] + padding, block.size[1] + padding, whole_turn(text.angle)
        )
        return block if turned[0] <= room[0] and turned[1] <= room[1] else None

    least = max(_SMALLEST, round(wanted * _BEFORE_WORDS_BREAK))
    block = _largest(least, wanted, lambda letters: block_of(letters, break_words=False))
    block = block or _largest(
        _SMALLEST, wanted, lambda letters: block_of(letters, break_words=True)
    )
    if block is None:
        # It is too long even for the smallest letters: the drawing is made smaller.
        area = 0.6 * _SMALLEST * len(text.text) * 1.2 * _SMALLEST
        longest = max(longest, math.sqrt(area * room[0] / room[1]))
        block = _block(text, _SMALLEST, longest, break_words=True)
    assert block is not None  # noqa: S101  # broken words always fit
    return block


def _letters(font: Font, line_height: float) -> int:
    """Return the size of letters, in pixels, whose lines are so high."""
    ascent, descent = _font(font, 1000).getmetrics()
    return max(_SMALLEST, min(_LARGEST, round(line_height * 1000 / (ascent + descent))))


def _largest(least: int, most: int, block_of: Callable[[int], Block | None]) -> Block | None:
    """Return the block of the largest letters between two sizes for which there is one."""
    if least > most or (found := block_of(least)) is None:
        return None
    while least < most:
        middle = (least + most + 1) // 2
        block = block_of(middle)
        if block is None:
            most = middle - 1
        else:
            least, found = middle, block
    return found


def _block(text: Text, letters: int, longest: float, *, break_words: bool) -> Block | None:
    """Return the lines in letters of a size; None where words would have to be broken."""
    font = _font(text.font, letters)
    lines: list[str] = []
    for paragraph in _readable(text.text).split("\n"):
        for line in _lines(paragraph, font, longest):
            if font.getlength(line) > longest:
                if not break_words:
                    return None
                lines += _pieces(line, font, longest)
            else:
                lines.append(line)
    ascent, descent = font.getmetrics()
    lengths = [font.getlength(line) for line in lines]
    starts = tuple(
        ((max(lengths) - length) * _ALIGNED[text.align], ascent + index * (ascent + descent))
        for index, length in enumerate(lengths)
    )
    # Ink may reach beyond its line's own box, as in an italic f or a high accent.
    ink = [
        (start[0] + box[0], start[1] + box[1], start[0] + box[2], start[1] + box[3])
        for start, line in zip(starts, lines, strict=True)
        for box in [font.getbbox(line, anchor="ls")]
    ]
    height = len(lines) * (ascent + descent)
    box = (
        int(min(0, *(left for left, _, _, _ in ink), 0)) - 1,
        int(min(0, *(upper for _, upper, _, _ in ink), 0)) - 1,
        int(max(*lengths, *(right for _, _, right, _ in ink), 0)) + 2,
        int(max(height, *(lower for _, _, _, lower in ink), 0)) + 2,
    )
    return Block(font, tuple(lines), starts, box)


def _lines(paragraph: str, font: ImageFont.FreeTypeFont, longest: float) -> Iterator[str]:
    """Yield a paragraph's lines; one is too long only where its one word is."""
    line = ""
    for word in paragraph.split(" "):
        longer = f"{line} {word}" if line else word
        if line and font.getlength(longer) > longest:
            yield line
            longer = word
        line = longer
    yield line


def _pieces(word: str, font: ImageFont.FreeTypeFont, longest: float) -> Iterator[str]:
    """Yield pieces of a word that are as long as can be, at least one letter."""
    lengths = {letter: font.getlength(letter) for letter in set(word)}
    piece, length = "", 0.0
    for letter in word:
        if piece and length + lengths[letter] > longest:
            yield piece
            piece, length = "", 0.0
        piece += letter
        length += lengths[letter]
    yield piece


def _drawn(block: Block, text: Text) -> Image.Image:
    padding = _padding(text, int(block.font.size))
    left, upper = block.box[0] - padding, block.box[1] - padding
    size = (block.size[0] + 2 * padding, block.size[1] + 2 * padding)
    ink = Image.new("L", size)
    pen = ImageDraw.Draw(ink)
    for line, (x, y) in zip(block.lines, block.starts, strict=True):
        pen.text((x - left, y - upper), line, fill=255, font=block.font, anchor="ls")
    drawn = _sheet(size, color_of(text.color), ink)
    if text.background is None:
        return drawn
    return Image.alpha_composite(Image.new("RGBA", size, color_of(text.background)), drawn)


def _sheet(size: Size, color: Rgba, ink: Image.Image) -> Image.Image:
    """Return one colour, seen where there is ink."""
    sheet = Image.new("RGBA", size, color)
    sheet.putalpha(ink.point([round(value * color[3] / 255) for value in range(256)]))
    return sheet


def _padding(text: Text, letters: int) -> int:
    return 0 if text.background is None else max(1, round(letters * _PADDING))


def _font(font: Font, letters: int) -> ImageFont.FreeTypeFont:
    """Return a font of our own: one that threads share would be changed by both."""
    return ImageFont.truetype(
        str(_FOLDER / _FILES[font]), letters, layout_engine=ImageFont.Layout.BASIC
    )


def _readable(text: str) -> str:
    """Return what can be written: accents joined to their letters, no control characters."""
    joined = unicodedata.normalize("NFC", text[:_LONGEST])
    lines = joined.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(c for c in lines if c == "\n" or unicodedata.category(c)[0] != "C")
