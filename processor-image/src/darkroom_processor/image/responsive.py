"""Responsive sets: one picture in several widths and formats, and the HTML that chooses."""

from collections.abc import Sequence
from typing import NamedTuple

from darkroom_core.vocabulary import Fit, Format

from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    Operation,
    Output,
    OutputReport,
    Resize,
)


class Variant(NamedTuple):
    """A set's picture in one width, and the files that are made of it."""

    output: Output
    width: int
    files: tuple[AssignedFile, ...]
    """One for each format, in the recipe's order."""
    is_smallest: bool

    def is_wanted(self, width: int) -> bool:
        """Whether a picture that came out so wide is its own width, or the only one there is."""
        return self.is_smallest or width >= self.width


def variants_of(assigned: AssignedOutput, upright_width: int) -> list[Variant]:
    """Return a set's pictures, the smallest first; each has only the files of its width.

    Of a source that is so wide when it is upright, widths beyond it are left out here where no
    operation changes the width; `is_wanted` tells of the others.
    """
    output, (_, *files) = assigned.output, assigned.files
    responsive = output.responsive
    assert responsive is not None  # noqa: S101  # format html
    widths = responsive.widths
    smallest = min(widths)
    known = None if output.operations else upright_width
    return [
        Variant(
            output._replace(
                operations=(
                    *output.operations,
                    Operation(resize=Resize(width=width, fit=Fit.FIT, enlarge=False)),
                )
            ),
            width,
            # The files are listed by format, and by width within each.
            tuple(files[widths.index(width) :: len(widths)]),
            width == smallest,
        )
        for width in sorted(widths)
        if known is None or width <= known or width == smallest
    ]


def suited(output: Output, format_: Format) -> Output:
    """Return a set's settings for one of its formats: what does not suit it is left away."""
    return output._replace(
        format=format_,
        lossless=output.lossless and format_ is Format.WEBP,
        progressive=output.progressive and format_ is Format.JPEG,
        depth=None,
    )


def snippet(assigned: AssignedOutput, made: Sequence[OutputReport]) -> bytes:
    """Return the HTML: a <picture> with a <source> for each format but the last, and an <img>."""
    output = assigned.output
    responsive = output.responsive
    assert responsive is not None  # noqa: S101  # format html
    by_format = {
        format_: [report for report in made if report.format is format_]
        for format_ in responsive.formats
    }
    sizes = _escaped(responsive.sizes)
    *others, last = responsive.formats
    lines = ["<picture>"]
    for format_ in others:
        srcset = _srcset(by_format[format_], responsive.url_prefix)
        lines.append(f'  <source type="{format_.media_type}" srcset="{srcset}" sizes="{sizes}">')
    largest = max(by_format[last], key=lambda report: report.width or 0)
    source = f'src="{_escaped(responsive.url_prefix + _file_name(largest))}"'
    srcset = f'srcset="{_srcset(by_format[last], responsive.url_prefix)}" sizes="{sizes}"'
    size = f'width="{largest.width}" height="{largest.height}"'
    alt = f'alt="{_escaped(responsive.alt)}" loading="lazy" decoding="async"'
    lines += [f"  <img {source} {srcset} {size} {alt}>", "</picture>", ""]
    return "\n".join(lines).encode()


def _srcset(reports: Sequence[OutputReport], prefix: str) -> str:
    return ", ".join(f"{_address(prefix, report)} {report.width}w" for report in reports)


def _address(prefix: str, report: OutputReport) -> str:
    address = _escaped(prefix + _file_name(report))
    # A comma or a blank would end it in the list.
    return address.replace(" ", "%20").replace(",", "%2C")


def _file_name(report: OutputReport) -> str:
    """Return the name under which storage has the file, and REST gives it."""
    return f"{report.name}.{report.format.extension}"


def _escaped(text: str) -> str:
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(plain, entity)
    return text.replace("'", "&#39;")
