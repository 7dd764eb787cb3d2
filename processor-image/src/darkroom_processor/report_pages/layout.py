"""Where everything is on a page: in points, of which an inch has 72, from the lower left corner."""

from typing import Final, NamedTuple

from darkroom_core.vocabulary import Paper

from darkroom_processor.documents import Pages

_PAPERS: Final = {Paper.A4: (595.28, 841.89), Paper.LETTER: (612.0, 792.0)}
_MARGIN: Final = 36.0
_GAP: Final = 10.0
TITLE: Final = 14.0
_HEAD: Final = 26.0
_FOOT: Final = 18.0
_LARGEST, _SMALLEST = 9.0, 5.0
_LINE: Final = 1.25
_CAPTION_LINES: Final = 2


class Cell(NamedTuple):
    """The place of one picture and what is written below it."""

    x: float
    y: float
    """The lower edge of the picture's place, above its text."""
    width: float
    height: float


class Layout(NamedTuple):
    """The places on every page."""

    size: tuple[float, float]
    cells: tuple[Cell, ...]
    letters: float
    """Size of captions and facts."""
    line: float
    """From one line to the next."""
    caption_lines: int

    @property
    def title(self) -> tuple[float, float, float]:
        """Where the title begins, and how wide it may be."""
        return _MARGIN, self.size[1] - _MARGIN - TITLE, self.size[0] - 2 * _MARGIN

    @property
    def foot(self) -> tuple[float, float]:
        """Where the page's number ends."""
        return self.size[0] - _MARGIN, _MARGIN


def layout_of(pages: Pages) -> Layout:
    """Return the places for the settings of an output."""
    width, height = _PAPERS[pages.paper]
    if pages.landscape:
        width, height = height, width
    head = _HEAD if pages.title else 0.0
    cell_width = (width - 2 * _MARGIN - (pages.columns - 1) * _GAP) / pages.columns
    rows_height = height - 2 * _MARGIN - head - _FOOT
    cell_height = (rows_height - (pages.rows - 1) * _GAP) / pages.rows
    letters = max(_SMALLEST, min(_LARGEST, cell_height / 14, cell_width / 14))
    caption_lines = _CAPTION_LINES if pages.captions else 0
    text = (caption_lines + bool(pages.facts)) * letters * _LINE
    top = height - _MARGIN - head
    cells = tuple(
        Cell(
            _MARGIN + column * (cell_width + _GAP),
            top - row * (cell_height + _GAP) - cell_height + text,
            cell_width,
            cell_height - text,
        )
        for row in range(pages.rows)
        for column in range(pages.columns)
    )
    return Layout((width, height), cells, letters, letters * _LINE, caption_lines)
