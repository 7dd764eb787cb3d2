"""XMP: the few properties that are kept, read from a packet and written as a new one."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Name = tuple[str, str]
"""Namespace and local name."""
Values = tuple[str, ...]

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC: Final = "http://purl.org/dc/elements/1.1/"
_XMP: Final = "http://ns.adobe.com/xap/1.0/"
_RIGHTS: Final = "http://ns.adobe.com/xap/1.0/rights/"
_PHOTOSHOP: Final = "http://ns.adobe.com/photoshop/1.0/"
_CC: Final = "http://creativecommons.org/ns#"
_PREFIXES: Final = {
    _DC: "dc",
    _XMP: "xmp",
    _RIGHTS: "xmpRights",
    _PHOTOSHOP: "photoshop",
    _CC: "cc",
}
CREATOR: Final = (_DC, "creator")
RIGHTS: Final = (_DC, "rights")
COPYRIGHT: Final = frozenset(
    {CREATOR, RIGHTS, (_PHOTOSHOP, "Credit"), (_RIGHTS, "Marked"), (_RIGHTS, "Owner")}
    | {(_RIGHTS, name) for name in ("UsageTerms", "WebStatement", "Certificate")}
    | {(_CC, name) for name in ("license", "attributionName", "attributionURL")}
)
_KEPT: Final = COPYRIGHT | {
    *((_DC, name) for name in ("title", "description", "subject", "publisher", "contributor")),
    *((_DC, name) for name in ("date", "language", "source")),
    *((_XMP, name) for name in ("CreateDate", "ModifyDate", "MetadataDate", "CreatorTool")),
    *((_XMP, name) for name in ("Rating", "Label")),
    *((_PHOTOSHOP, name) for name in ("Headline", "Source", "DateCreated", "Instructions")),
    *((_PHOTOSHOP, name) for name in ("AuthorsPosition", "CaptionWriter")),
}
# How the standard says that a property has several values, or one in several languages.
_ALTERNATIVES: Final = frozenset(
    {(_DC, "title"), (_DC, "description"), RIGHTS, (_RIGHTS, "UsageTerms")}
)
_ORDERED: Final = frozenset({CREATOR, (_DC, "date")})
_BAGS: Final = frozenset(
    {(_DC, name) for name in ("subject", "publisher", "contributor", "language")}
    | {(_RIGHTS, "Owner")}
)
_DECLARATION: Final = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_LONGEST: Final = 4096
_MOST: Final = 64
_MOST_DESCRIPTIONS: Final = 256


def read(data: bytes) -> dict[Name, Values]:
    """Return the properties that may be kept; none of a packet that is broken or declares any."""
    if not data or _DECLARATION.search(data):
        return {}
    from xml.etree import ElementTree as ET  # noqa: PLC0415  # slow; nothing is declared

    try:
        root = ET.fromstring(data.strip(b"\0 \r\n\t").decode())  # noqa: S314  # as above
    except (ET.ParseError, ValueError):
        return {}
    found: dict[Name, Values] = {}
    # Within each all that is below is looked through: thousands in each other would take for ever.
    for description in islice(root.iter(f"{{{_RDF}}}Description"), _MOST_DESCRIPTIONS):
        for name, values in _properties(description):
            if name in _KEPT and values and name not in found:
                found[name] = values
    return found


def _properties(description: "Element") -> Iterator[tuple[Name, Values]]:
    for key, value in description.attrib.items():
        yield _split(key), _clean([value])
    for child in description:
        resource = child.get(f"{{{_RDF}}}resource")
        items = [each.text or "" for each in child.iter(f"{{{_RDF}}}li")]
        yield _split(child.tag), _clean(items or [resource or child.text or ""])


def _split(key: str) -> Name:
    space, _, name = key.removeprefix("{").partition("}")
    return space, name


def _clean(values: list[str]) -> Values:
    texts = ("".join(c for c in value if c.isprintable()).strip() for value in values[:_MOST])
    return tuple(text[:_LONGEST] for text in texts if text)


def packet(properties: Mapping[Name, Values]) -> bytes:
    """Return a packet that says these properties; nothing for none."""
    if not properties:
        return b""
    spaces = sorted({space for space, _ in properties})
    declared = "".join(f' xmlns:{_PREFIXES[space]}="{space}"' for space in spaces)
    body = "".join(_element(name, values) for name, values in sorted(properties.items()))
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""{declared}>{body}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _element(name: Name, values: Values) -> str:
    tag = f"{_PREFIXES[name[0]]}:{name[1]}"
    if name in _ALTERNATIVES:
        body = f'<rdf:Alt><rdf:li xml:lang="x-default">{_escaped(values[0])}</rdf:li></rdf:Alt>'
    elif name in _ORDERED or name in _BAGS:
        kind = "Seq" if name in _ORDERED else "Bag"
        items = "".join(f"<rdf:li>{_escaped(value)}</rdf:li>" for value in values)
        body = f"<rdf:{kind}>{items}</rdf:{kind}>"
    else:
        body = _escaped(values[0])
    return f"<{tag}>{body}</{tag}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
