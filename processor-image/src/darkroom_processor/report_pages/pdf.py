"""Writing the pages of a report."""

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

from reportlab import rl_config
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from darkroom_processor.documents import Pages
from darkroom_processor.report_pages import text
from darkroom_processor.report_pages.layout import TITLE, Cell, Layout, layout_of
from darkroom_processor.report_pages.picture import Item, Picture

_GRAY: Final = 0.4
_KILO: Final = 1000


def write(
    path: str,
    pages: Pages,
    items: Sequence[Item],
    picture_of: Callable[[Item, tuple[float, float]], Picture],
) -> int:
    """Write a PDF of all items; return how many pages it has. One picture is decoded at a time."""
    text.register()
    rl_config.useA85 = 0  # binary streams: a fifth less
    layout = layout_of(pages)
    canvas: Any = Canvas(path, pagesize=layout.size, pageCompression=1, invariant=1)
    canvas.setTitle(text.plain(pages.title))
    canvas.setCreator("Darkroom")
    on_page = len(layout.cells)
    count = -(-len(items) // on_page)
    for page in range(count):
        _frame(canvas, pages, layout, f"{page + 1} / {count}")
        for item, cell in zip(items[page * on_page :], layout.cells, strict=False):
            _draw(canvas, pages, layout, cell, item, picture_of(item, (cell.width, cell.height)))
        canvas.showPage()
    canvas.save()
    return count


def _frame(canvas: Any, pages: Pages, layout: Layout, number: str) -> None:  # noqa: ANN401  # untyped
    if pages.title:
        x, y, width = layout.title
        (line,) = text.lines_of(pages.title, text.BOLD, TITLE, width, 1) or [""]
        text.draw(canvas, line, x, y, text.BOLD, TITLE)
    right, y = layout.foot
    canvas.setFillGray(_GRAY)
    x = right - text.width_of(number, text.SANS, layout.letters)
    text.draw(canvas, number, x, y, text.SANS, layout.letters)
    canvas.setFillGray(0)


def _draw(  # noqa: PLR0913, PLR0917  # everything that is in one cell
    canvas: Any,  # noqa: ANN401  # untyped
    pages: Pages,
    layout: Layout,
    cell: Cell,
    item: Item,
    picture: Picture,
) -> None:
    reader = ImageReader(io.BytesIO(picture.jpeg))
    width, height = reader.getSize()
    # Of a small picture the pixels are shown no larger than on a screen.
    factor = min(cell.width / width, cell.height / height, 1.0)
    shown = (width * factor, height * factor)
    x = cell.x + (cell.width - shown[0]) / 2
    canvas.drawImage(reader, x, cell.y + (cell.height - shown[1]) / 2, *shown)
    y = cell.y - layout.letters
    if pages.captions:
        for line in text.lines_of(
            item.caption, text.SANS, layout.letters, cell.width, layout.caption_lines
        ):
            text.draw(canvas, line, cell.x, y, text.SANS, layout.letters)
            y -= layout.line
    if pages.facts:
        canvas.setFillGray(_GRAY)
        for line in text.lines_of(
            facts_line(item, picture), text.SANS, layout.letters, cell.width, 1
        ):
            text.draw(canvas, line, cell.x, y, text.SANS, layout.letters)
        canvas.setFillGray(0)


def facts_line(item: Item, picture: Picture) -> str:
    """Return what is written of a source: format, size, bytes."""
    width, height = picture.size
    return f"{picture.format.upper()} · {width:,} x {height:,} · {_bytes(item.bytes)}"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < _KILO:
            return f"{size:.3g} {unit}"
        size /= _KILO
    return f"{size:.3g} GB"
