"""Text on a page: each part in a font that has its letters, cut where there is no more room.

The fonts that the processor carries are embedded. Chinese, Japanese and Korean are left to the
fonts that every PDF viewer has for them; what no font has is shown as an empty box.
"""

import itertools
import unicodedata
from pathlib import Path
from typing import Any, Final, NamedTuple

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

SANS: Final = "DarkroomSans"
BOLD: Final = "DarkroomSans-Bold"
_FILES: Final = {SANS: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}
_FOLDER: Final = Path(__file__).parent.parent / "fonts"
_CHINESE, _JAPANESE, _KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYGothic-Medium"
_MISSING: Final = "\u25a1"
_ELLIPSIS: Final = "\u2026"


class Run(NamedTuple):
    """A part of a text in one font."""

    text: str
    font: str


def register() -> None:
    """Make the fonts known; they are embedded in parts, as far as they are used."""
    known = pdfmetrics.getRegisteredFontNames()
    for name, file in _FILES.items():
        if name not in known:
            pdfmetrics.registerFont(TTFont(name, str(_FOLDER / file)))


def plain(text: str) -> str:
    """Return a text in one line, composed, without what cannot be printed."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(c for c in composed if c.isprintable())


def runs_of(text: str, font: str) -> list[Run]:
    """Return the parts of a text, each in a font that has its letters."""
    east = _eastern(text)
    has = pdfmetrics.getFont(font).face.charToGlyph

    def font_of(letter: str) -> str:
        return east if east and ord(letter) not in has and _is_eastern(letter) else font

    runs = []
    for name, letters in itertools.groupby(text, font_of):
        part = "".join(letters)
        if name == font:
            part = "".join(c if ord(c) in has else _MISSING for c in part)
        else:
            _register_eastern(name)
        runs.append(Run(part, name))
    return runs


def width_of(text: str, font: str, size: float) -> float:
    """Return how wide a text is, in points."""
    return sum(float(pdfmetrics.stringWidth(r.text, r.font, size)) for r in runs_of(text, font))


def lines_of(text: str, font: str, size: float, width: float, most: int) -> list[str]:
    """Return a text in at most so many lines of a width; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    rest = plain(text)
    while rest and len(lines) < most:
        fitting = _fitting(rest, font, size, width)
        if fitting == len(rest):
            return [*lines, rest]
        if len(lines) == most - 1:
            return [*lines, _shortened(rest, font, size, width)]
        at = rest.rfind(" ", 1, fitting + 1)
        at = at if at > 0 else max(1, fitting)
        lines.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return lines


def draw(canvas: Any, text: str, x: float, y: float, font: str, size: float) -> None:  # noqa: ANN401, PLR0913, PLR0917  # reportlab's, untyped; a place and a look
    """Write one line."""
    for run in runs_of(text, font):
        canvas.setFont(run.font, size)
        canvas.drawString(x, y, run.text)
        x += pdfmetrics.stringWidth(run.text, run.font, size)


def _fitting(text: str, font: str, size: float, width: float) -> int:
    """Return how many letters fit."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle], font, size) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def _shortened(text: str, font: str, size: float, width: float) -> str:
    room = width - width_of(_ELLIPSIS, font, size)
    return text[: _fitting(text, font, size, room)].rstrip() + _ELLIPSIS


def _eastern(text: str) -> str | None:
    """Return the font for what of a text is Chinese, Japanese or Korean; None: nothing is."""
    names = {unicodedata.name(c, "").split(" ")[0] for c in text if ord(c) > 0x1100}  # noqa: PLR2004  # the first of them
    if names & {"HIRAGANA", "KATAKANA", "HALFWIDTH"}:
        return _JAPANESE
    if "HANGUL" in names:
        return _KOREAN
    return _CHINESE if names & {"CJK", "FULLWIDTH", "IDEOGRAPHIC"} else None


def _is_eastern(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in {"W", "F", "H"} and ord(letter) <= 0xFFFF  # noqa: PLR2004  # what these fonts have


def _register_eastern(name: str) -> None:
    if name not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(name))
