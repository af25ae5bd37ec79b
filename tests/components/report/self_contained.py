"""What makes a page one file: nothing in it is fetched from anywhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

FETCHING = {"src", "srcset", "href", "data", "poster", "action", "background", "formaction", "xlink:href"}
EMPTY_ICON = "data:,"  # without it a browser asks for favicon.ico


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[tuple[str, str, str]] = []
        self.anchors: set[str] = set()
        self.ids: set[str] = set()
        self.inside: list[str] = []
        self.styles: list[str] = []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                assert value not in self.ids, f"two elements have the id {value}"
                self.ids.add(value)
            if name == "style":
                self.styles.append(value or "")
            if name in FETCHING and value is not None:
                if value.startswith("#"):
                    self.anchors.add(value[1:])
                elif value != EMPTY_ICON:
                    self.fetched.append((tag, name, value))
        assert tag not in ("iframe", "object", "embed", "base", "form")
        self.inside.append(tag)

    def handle_data(self, data):
        if self.inside and self.inside[-1] == "style":
            self.styles.append(data)


def assert_self_contained(page: str) -> None:
    """The page names no other file, and every link leads to a place in it."""
    parser = _Page()
    parser.feed(page)
    assert parser.fetched == []
    assert parser.anchors <= parser.ids
    for style in parser.styles:
        assert not re.search(r"@import|url\(", style)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)  # those with a type hold data
    assert len(scripts) == page.count("</script>") - page.count('<script type="application/json"')
    for script in scripts:
        assert not re.search(r"\bimport\b|fetch\(|XMLHttpRequest|WebSocket|https?:", script)
    assert "default-src 'none'" in page
