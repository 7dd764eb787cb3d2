"""The reference page of every operation, with pictures that the processor itself makes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from darkroom_core.recipe.operation import Operation
from darkroom_core.reference import member_docs
from darkroom_core.vocabulary import Filter, Fit, Gravity
from PIL import Image, ImageOps

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs/reference/operations.md"
FOLDER: Final = ROOT / "docs/reference/operations"
_SHOWN: Final = {"x": 1000, "y": 110, "width": 480, "height": 360}
"""The part of the sample that is shown."""
_SIZE: Final = 280
_QUALITY: Final = 72
_LOGO: Final = {"source": {"key": "brand/logo.png"}}
_INTRO: Final = """\
# Operations

An output's `operations` are done in their order, each on what the one before it has made. Before
the first of them the picture is turned upright by its EXIF orientation (unless `autoOrient` is
off); after the last it is encoded. Each operation names exactly one thing to do:

```json
{"name": "thumb", "format": "webp",
 "operations": [{"crop": {"aspect": "1:1", "gravity": "attention"}},
                {"resize": {"width": 256}},
                {"sharpen": {}}]}
```

**What it costs.** Crops, quarter turns, mirroring and grayscale before the first resize cost next
to nothing: the processor does them together with the resize, and of a JPEG it decodes no more
than the size that is asked for needs. Any other operation before the first resize works on every
pixel of the source, and needs all of them decoded; put what can come later after the resize.

**What sees all frames.** Of a moving picture each frame is treated alike. What looks at pixels to
decide (`trim`, `normalize`, the gravities `entropy` and `attention`) decides on the first frame.

**What is transparent** stays so, and lends no colour to its neighbours when pixels are mixed.
`brightness` to `vignette` leave the alpha channel as it is. An output format without transparency
shows the output's `background` there.

**Bits.** `resize` (but for `contain` and `pad`), `crop`, `trim`, `flip` and quarter turns keep 16
bits of grey where the source and the output have them; every other operation makes 8.

**Limits.** No operation makes a picture of more than `limits.pixels` pixels, and nothing that is
put upon a picture sticks out of it: marks and letters are made smaller instead.

**Colours** are written `#rrggbb`, or `#rrggbbaa` where they may be translucent. Pixels count from
the upper left corner. Angles are degrees, clockwise.

The pictures below are made of this one:

![The picture before](operations/source.webp)
"""


class Example(NamedTuple):
    """One recipe that the page shows, with the picture that it makes."""

    name: str
    steps: list[dict[str, Any]]


def _one(name: str, **settings: Any) -> Example:  # noqa: ANN401  # any operation's settings
    return Example(name, [{name: settings}])


EXAMPLES: Final[dict[str, list[Example]]] = {
    "resize": [
        Example(f"resize-{fit}", [{"resize": {"width": 200, "height": 200, "fit": fit, **more}}])
        for fit, more in (
            ("fit", {}),
            ("outside", {}),
            ("cover", {"gravity": "attention"}),
            ("contain", {}),
            ("pad", {"background": "#204060"}),
            ("stretch", {}),
        )
    ],
    "crop": [
        Example("crop-box", [{"crop": {"x": 60, "y": 20, "width": 120, "height": 120}}]),
        Example("crop-aspect", [{"crop": {"aspect": "1:1", "gravity": "entropy"}}]),
    ],
    "trim": [Example("trim", [{"border": {"width": 20, "color": "#ffffff"}}, {"trim": {}}])],
    "extend": [_one("extend", left=40, right=40, background="#204060")],
    "rotate": [_one("rotate", angle=20, background="#00000000")],
    "flip": [_one("flip", direction="horizontal")],
    "border": [_one("border", width=8, color="#c02020")],
    "roundCorners": [_one("roundCorners", radius=40)],
    "circle": [Example("circle", [{"crop": {"aspect": "1:1"}}, {"circle": {}}])],
    "flatten": [Example("flatten", [{"circle": {}}, {"flatten": {"background": "#204060"}}])],
    "grayscale": [_one("grayscale")],
    "sepia": [_one("sepia")],
    "tint": [_one("tint", color="#66aaff")],
    "brightness": [_one("brightness", factor=1.4)],
    "contrast": [_one("contrast", factor=1.5)],
    "saturation": [_one("saturation", factor=1.8)],
    "gamma": [_one("gamma", gamma=1.8)],
    "invert": [_one("invert")],
    "normalize": [
        Example("normalize", [{"contrast": {"factor": 0.4}}, {"normalize": {}}]),
    ],
    "posterize": [_one("posterize", bits=2)],
    "vignette": [_one("vignette", amount=0.9, radius=0.3)],
    "blur": [_one("blur", sigma=4)],
    "sharpen": [_one("sharpen", amount=2)],
    "unsharp": [_one("unsharp", radius=3, percent=200)],
    "pixelate": [_one("pixelate", size=12)],
    "overlay": [
        _one("overlay", **_LOGO, size=0.25, x=10, y=10),
        Example(
            "overlay-tile",
            [{"overlay": {**_LOGO, "size": 0.12, "tile": True, "opacity": 0.6, "angle": 20}}],
        ),
    ],
    "text": [
        _one("text", text="© Darkroom", size=0.09, x=8, y=6),
        Example(
            "text-box",
            [
                {
                    "text": {
                        "text": "The whole Earth, put together from photographs taken from space",
                        "font": "serif",
                        "size": 0.1,
                        "gravity": "south",
                        "align": "center",
                        "background": "#00000090",
                    }
                }
            ],
        ),
        Example(
            "text-turned",
            [
                {
                    "text": {
                        "text": "DRAFT",
                        "font": "sans-bold",
                        "size": 0.4,
                        "gravity": "center",
                        "angle": -30,
                        "opacity": 0.6,
                    }
                }
            ],
        ),
    ],
}


def page() -> str:
    """Return the page in Markdown."""
    schema = Operation.model_json_schema(by_alias=True)
    kinds = schema["$defs"]
    contents = ", ".join(f"[{name}](#{name.lower()})" for name in schema["properties"])
    sections = "".join(
        _section(name, kinds[field["anyOf"][0]["$ref"].rpartition("/")[2]], kinds)
        for name, field in schema["properties"].items()
    )
    notice = "<!-- Generated from core/ by `make generate`; do not edit. -->\n"
    words = "".join(
        f"\n### {title}\n\n| Value | Meaning |\n| --- | --- |\n{_words(enum)}"
        for title, enum in (("fit", Fit), ("gravity", Gravity), ("filter", Filter))
    )
    return f"{notice}{_INTRO}\n{contents}\n{sections}\n## Words\n{words}"


def _words(enum: type[Fit | Gravity | Filter]) -> str:
    meanings = member_docs(enum)
    return "".join(f"| `{word}` | {meanings[word]} |\n" for word in enum if word in meanings)


def _section(name: str, kind: dict[str, Any], kinds: dict[str, Any]) -> str:
    rows = "".join(_rows("", kind, kinds))
    table = f"| Field | Values | Default | Meaning |\n| --- | --- | --- | --- |\n{rows}\n"
    shown = "".join(
        f"```json\n{_written(example.steps)}\n```\n\n"
        f"![{example.name}](operations/{example.name}.webp)\n\n"
        for example in EXAMPLES[name]
    )
    return f"\n## {name}\n\n{kind['description']}\n\n{table if rows else ''}{shown}".rstrip() + "\n"


def _written(steps: list[dict[str, Any]]) -> str:
    lines = [json.dumps(step, ensure_ascii=False) for step in steps]
    return "[" + ",\n ".join(lines) + "]"


def _rows(path: str, kind: dict[str, Any], kinds: dict[str, Any]) -> Iterator[str]:
    for name, field in kind.get("properties", {}).items():
        needed = name in kind.get("required", [])
        default = "required" if needed else _default(field.get("default"))
        meaning = field.get("description", "")
        yield f"| `{path}{name}` | {_values(field, kinds)} | {default} | {meaning} |\n"
        inner = _referred(field, kinds)
        if inner and "properties" in inner:
            yield from _rows(f"{path}{name}.", inner, kinds)


def _default(value: object) -> str:
    return "" if value is None else f"`{json.dumps(value)}`"


def _referred(field: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any] | None:
    for part in (field, *field.get("anyOf", [])):
        if "$ref" in part:
            referred: dict[str, Any] = kinds[part["$ref"].rpartition("/")[2]]
            return referred
    return None


def _values(field: dict[str, Any], kinds: dict[str, Any]) -> str:
    """Return what a field may be: its words, or its type and range."""
    referred = _referred(field, kinds)
    words = field.get("enum") or (referred or {}).get("enum")
    if words:
        return ", ".join(f"`{word}`" for word in words)
    if referred:
        return "object"
    part = next((p for p in field.get("anyOf", [field]) if p.get("type") != "null"), field)
    if "pattern" in part:
        return "colour" if "0-9a-f" in part["pattern"] else "text"
    if "maximum" in part:
        return f"{part['type']}, {part['minimum']} to {part['maximum']}"
    if "maxLength" in part:
        return f"text, at most {part['maxLength']} characters"
    return str(part["type"])


def pictures() -> dict[Path, list[dict[str, Any]]]:
    """Return the operations that make each picture of the page."""
    made = {
        FOLDER / f"{example.name}.webp": example.steps
        for examples in EXAMPLES.values()
        for example in examples
    }
    return {FOLDER / "source.webp": [], **made}


def draw(path: Path) -> None:
    """Make one picture of the page."""
    steps = pictures()[path]
    with Image.open(ROOT / "samples/earth.jpg") as file:
        sample = ImageOps.exif_transpose(file).convert("RGB")
    small = _done(sample, [{"crop": _SHOWN}, {"resize": {"width": _SIZE}}], {})
    logo = _done(small, [{"crop": {"aspect": "1:1"}}, {"circle": {}}], {})
    FOLDER.mkdir(parents=True, exist_ok=True)
    _done(small, steps, {"brand/logo.png": logo}).save(path, quality=_QUALITY, method=6)


def _done(
    image: Image.Image, steps: list[dict[str, Any]], overlays: dict[str, Image.Image]
) -> Image.Image:
    # What it reads recipes with is generated too, perhaps in this very run.
    from darkroom_processor import operations  # noqa: PLC0415
    from darkroom_processor.assignment import read_outputs  # noqa: PLC0415

    recipe = [{"name": "example", "format": "webp", "operations": steps}]
    (output,) = read_outputs(json.dumps(recipe))
    context = operations.Context(10**7, overlays)
    return operations.apply(image, output.operations, context)
