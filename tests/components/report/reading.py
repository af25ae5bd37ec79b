"""Reads a page as a person does: the words of each section and the cells of its tables."""

from __future__ import annotations

from html.parser import HTMLParser

SILENT = {"style", "script", "title"}


class ReadPage(HTMLParser):
    """Words by section, and rows of tables as lists of cells.

    Args:
      page: The page.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: dict[str, str] = {}
        self.rows: dict[str, list[list[str]]] = {}
        self.labels: dict[str, list[str]] = {}
        self.shapes: dict[str, list[tuple[str, dict[str, str | None]]]] = {}
        self._section = ""
        self._silent: list[str] = []
        self._cell: list[str] | None = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "section":
            self._section = values["id"]
        if tag in SILENT:
            self._silent.append(tag)
        if tag == "svg":
            self.labels.setdefault(self._section, []).append(values["aria-label"])
        if tag in ("rect", "circle", "path"):
            self.shapes.setdefault(self._section, []).append((tag, values))
        if tag == "tr":
            self.rows.setdefault(self._section, []).append([])
        if tag in ("td", "th"):
            self._cell = []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()
        if tag in ("td", "th") and self._cell is not None:
            self.rows[self._section][-1].append(" ".join(" ".join(self._cell).split()))
            self._cell = None
        if tag == "section":
            self._section = ""

    def handle_data(self, data):
        if self._silent:
            return
        self.words[self._section] = self.words.get(self._section, "") + " ".join([*data.split(), ""])
        if self._cell is not None:
            self._cell.append(data)
