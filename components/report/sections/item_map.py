"""The items on a plane, as the retrieval model places them: similar ones lie together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from components.report.report import Report
from components.report.section import Section, section

COLOURS = 9
"""Genres with a colour of their own; everything else is `OTHER`."""

OTHER = "other"
LISTED = 25
DECIMALS = 4

METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


def item_map(report: Report) -> Section | None:
    """The map's data for the page's script, its legend, and a table for those who do not see it."""
    found = report.facts.item_map
    if found is None or not found["items"]:
        return None
    items = found["items"]
    coloured = common_genres(items)
    by_id = {item["item_id"]: item for item in items}
    return section(
        "item_map",
        "Map of the items",
        method=METHODS.get(found["method"], found["method"]),
        shown=len(items),
        catalogue=found.get("catalogue", len(items)),
        data=drawn(items, coloured),
        genres=[(genre, f"genre-{number}") for number, genre in enumerate([*coloured, OTHER])],
        listed=[
            (item["title"], [by_id[other]["title"] for other in item["neighbours"][:5] if other in by_id])
            for item in sorted(items, key=lambda item: -item["rows"])[:LISTED]
        ],
    )


def common_genres(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The genres that get a colour, the most common first; equally common ones by name."""
    counts = Counter(genre for item in items for genre in item["genres"])
    return sorted(counts, key=lambda genre: (-counts[genre], genre))[:COLOURS]


def main_genre(genres: Sequence[str], coloured: Sequence[str]) -> int:
    """Position of the item's main genre: of those with a colour, the rarest, which says most; else that of `OTHER`.

    Args:
      genres: Of the item; their order says nothing, MovieLens writes them by the alphabet.
      coloured: The genres with a colour, the most common first.
    """
    return max((coloured.index(genre) for genre in genres if genre in coloured), default=len(coloured))


def drawn(items: Sequence[Mapping[str, Any]], coloured: Sequence[str]) -> dict[str, list[Any]]:
    """The items column by column, places from 0 to 1 with the sides' ratio kept, neighbours as positions."""
    position = {item["item_id"]: number for number, item in enumerate(items)}
    xs, ys = [item["x"] for item in items], [item["y"] for item in items]
    wide = max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    left, bottom = ((max(axis) + min(axis) - wide) / 2 for axis in (xs, ys))
    return {
        "titles": [item["title"] for item in items],
        "genres": [item["genres"] for item in items],
        "colours": [main_genre(item["genres"], coloured) for item in items],
        "x": [round((x - left) / wide, DECIMALS) for x in xs],
        "y": [round((y - bottom) / wide, DECIMALS) for y in ys],
        "rows": [item["rows"] for item in items],
        "neighbours": [[position[other] for other in item["neighbours"] if other in position] for item in items],
    }
