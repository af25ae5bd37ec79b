"""Some users, what they rated highest, what they get and why."""

from __future__ import annotations

from components.report.report import Report
from components.report.section import Section, section

SOURCES = {
    "model": "from the model, by what is known of this user",
    "history": "from the model and the history that was given",
    "popularity": "what is popular: nothing is known of this person",
}


def people(report: Report) -> Section | None:
    """A card a user."""
    found = report.facts.people
    if not found:
        return None
    rated = (report.facts.bundle or {}).get("has_ratings", True)
    return section("people", "Example users", people=found, sources=SOURCES, rated=rated)
