"""Check the built site: python docs/check_site.py docs/_build/html

Every link and picture within it leads somewhere, to the place on the page too; the search knows what one would look
for; no signature shows an object's address. Prints what is wrong, and fails where anything is.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SEARCHED = ("weight_decay", "predict_interval", "early_stop", "embed", "onnx")  # as their stems stand in the index


class Page(HTMLParser):
    """What a page is linked by, and what it links to."""

    def __init__(self, text: str):
        super().__init__()
        self.places: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("id", "name"):
                self.places.add(value)
            elif value and name in ("href", "src") and tag != "link":
                self.targets.append(value)


def wrong(folder: Path) -> list[str]:
    """A line for each thing that is wrong."""
    texts = {
        path.resolve(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts
    }
    pages = {path: Page(text) for path, text in texts.items()}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.exists():
                found.append(f"{name}: {target} is not there")
            elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].places:
                found.append(f"{name}: {target} has no such place")
        if re.search(r"object at 0x[0-9a-f]+", texts[path]):
            found.append(f"{name} shows an object's address")
    index = (folder / "searchindex.js").read_text(encoding="utf-8")
    found += [f"the search does not find {word}" for word in SEARCHED if f'"{word}"' not in index]
    print(f"{len(pages)} pages, {sum(len(page.targets) for page in pages.values())} links and pictures")
    return found


if __name__ == "__main__":
    lines = wrong(Path(sys.argv[1]))
    print("\n".join(lines) or "all is well")
    sys.exit(bool(lines))
