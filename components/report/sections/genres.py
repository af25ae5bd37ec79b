"""What interactions tell about genres: a classifier on the items' vectors, beside a majority and chance."""

from __future__ import annotations

from markupsafe import Markup

from components.report.charts.bars import Bar, bars
from components.report.report import Report
from components.report.section import Section, section

VECTORS = {
    "collaborative": "vectors made from the interactions alone: the model's own were told the genres",
    "model": "the model's own vectors, which were told no genres",
}


def genres(report: Report) -> Section | None:
    """A bar and a row for each genre."""
    found = report.facts.genres
    if found is None:
        return None
    return section(
        "genres",
        "Genres from interactions",
        found=found,
        vectors=VECTORS.get(found.get("vectors", ""), ""),
        drawn=_chart(found["genres"]) if found["genres"] else None,
        has_always=all("always_f1" in one for one in found["genres"]),
        left_out=found.get("left_out", []),
    )


def _chart(found: list[dict[str, float]]) -> Markup:
    groups = [
        (
            str(one["genre"]),
            [
                Bar(name="classifier", style="model", value=one["average_precision"]),
                Bar(name="chance", style="base", value=one["chance"]),
            ],
        )
        for one in found
    ]
    told = "; ".join(f"{one['genre']} {one['average_precision']:.3f}, chance {one['chance']:.3f}" for one in found)
    return bars(groups, words=f"Average precision by genre: {told}", x_label="average precision", digits=3)
