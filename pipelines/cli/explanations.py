"""Why an item was recommended: the items of the history that pulled it in, and what they have in common with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from components.errors import InputError
from pipelines.cli.answering import AnswerSource
from serving.contract import EXPLAIN, FROM_POPULARITY

if TYPE_CHECKING:
    from serving.questions import Answer, Reason


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why one item was recommended.

    Attributes:
      reasons: Items of the history, those that add most first; none where nothing speaks for the item but itself.
      shared: Of each reason, the values of features that it shares with the item; none where the catalogue is unknown.
    """

    reasons: Sequence[Reason]
    shared: Sequence[Sequence[str]]

    def as_list(self) -> list[dict[str, Any]]:
        """The reasons for machines."""
        return [
            {
                "item_id": reason.id,
                "title": reason.title,
                "score": reason.score,
                "share": reason.share,
                "shared": list(values),
            }
            for reason, values in zip(self.reasons, self.shared, strict=True)
        ]


def explain(asked: AnswerSource, user: str, history: Sequence[tuple[str, float]], answer: Answer) -> list[Explanation]:
    """Asks why each item of an answer was recommended.

    Args:
      asked: Who answers.
      user: A user, "" for a person without an id.
      history: Item ids with stars that the question gave.
      answer: The answer to it.

    Raises:
      InputError: A bundle that cannot explain.
    """
    item_ids = [item.id for item in answer.items]
    if answer.source == FROM_POPULARITY or not item_ids:
        return [Explanation(reasons=[], shared=[]) for _ in item_ids]
    signatures = getattr(asked.recommender, "signatures", None)  # a server is asked and says so itself
    if signatures is not None and EXPLAIN not in signatures:
        raise InputError(
            f"the bundle {asked.name} cannot explain",
            expected=f"a bundle with the signature `{EXPLAIN}`",
            received="one of an earlier version of this project",
            action="make the bundle anew: recommender run; or leave --explain out",
        )
    values = {
        item["id"]: [value for listed in item["features"].values() for value in listed]
        for item in asked.catalogue.get("items", [])
    }
    found = asked.recommender.explain(user, item_ids, history)
    return [
        Explanation(reasons=reasons, shared=[_shared(values, item_id, reason.id) for reason in reasons])
        for item_id, reasons in zip(item_ids, found, strict=True)
    ]


def print_explanations(console: Console, answer: Answer, explanations: Sequence[Explanation]) -> None:
    """The reasons for a person, under the list."""
    from pipelines.terminal.summary_lines import line

    if answer.source == FROM_POPULARITY:
        line(console, "No reasons: the list is the same for everybody about whom nothing is known.")
        return
    for position, (item, one) in enumerate(zip(answer.items, explanations, strict=True), start=1):
        line(
            console,
            f"{position:>3}  {item.title}"
            + ("" if one.reasons else ": nothing in the history speaks for it; it is popular"),
        )
        for reason, values in zip(one.reasons, one.shared, strict=True):
            both = f"  (both {', '.join(values)})" if values else ""
            line(console, f"     {reason.share:>4.0%}  {reason.title}{both}")


def _shared(values: Mapping[str, Sequence[str]], item_id: str, other_id: str) -> list[str]:
    """The values that both items have, in the order of the recommended one."""
    others = values.get(other_id, ())
    return [value for value in values.get(item_id, ()) if value in others]
