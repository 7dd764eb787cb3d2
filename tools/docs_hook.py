"""What the site does with pages that are written for the repository.

Some files lie elsewhere and are pages all the same. Links to other files outside docs/ lead to the
repository where its address is known; elsewhere the file's path is told instead. A page that the
navigation forgets is a warning, which --strict makes an error. The notice above a generated page is
left out: a page's title is its first line.
"""

import logging
import os
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent
PLACES: Final = {
    "changelog.md": "CHANGELOG.md",
    "reference/openapi.json": "api/openapi.json",
    "reference/values.md": "charts/darkroom/README.md",
}
"""Files from elsewhere, by their place in the site; those that exist."""

_PAGES: Final = {file: page for page, file in PLACES.items() if (ROOT / file).exists()}
_LOG: Final = logging.getLogger("mkdocs.plugins.darkroom")
_NOTICE: Final = re.compile(r"\A<!--.*?-->\n")
_LINK: Final = re.compile(r"(?<!!)\[([^]]+)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files from elsewhere."""
    for file, page in _PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / file)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leave out the notice, and turn links that are the repository's into the site's."""
    del files
    source = str(config.extra.get("source_url") or "").rstrip("/")
    return with_links_of_the_site(_NOTICE.sub("", markdown), page.file.src_uri, source)


def with_links_of_the_site(markdown: str, page: str, source: str) -> str:
    """Return the text of the page at this place; `source` is where the repository is."""
    folder = Path(PLACES.get(page, f"docs/{page}")).parent

    def told(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        path = os.path.normpath(folder / target)
        if path.startswith("docs/") or path in _PAGES:
            place = _PAGES.get(path, path.removeprefix("docs/"))
            return f"[{text}]({os.path.relpath(place, Path(page).parent)}{anchor})"
        if not (ROOT / path).exists():
            return found[0]
        return f"[{text}]({source}/{path}{anchor})" if source else f"{text} (`{path}`)"

    return _LINK.sub(told, markdown)


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> Navigation:
    """Warn of pages that the navigation does not have."""
    del config
    placed = {page.file.src_uri for page in nav.pages}
    for file in files.documentation_pages():
        if file.src_uri not in placed:
            _LOG.warning(
                "%s is in no place of the navigation: add it to docs/.nav.yml", file.src_uri
            )
    return nav
