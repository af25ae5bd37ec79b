"""What a bundle answers for a few users, beside what they rated highest: what figures do not show."""

from __future__ import annotations

import dataclasses
from typing import Any

USERS = 3
LIKED = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserSample:
    """A known user's taste and the answer for this user.

    Attributes:
      user_id: The user.
      liked: Titles that the user rated highest, with the stars; the later ones among equals. 0 stars: not rated.
      items: The answer, best first: `serving.questions.Item`.
      source: Where the answer comes from.
    """

    user_id: str
    liked: list[tuple[str, float]]
    items: list[Any]
    source: str


def sample_users(bundle: str, users: int = USERS, n: int = 10) -> list[UserSample]:
    """Asks the bundle in the folder `bundle` for the first, the last and evenly spread users between."""
    from serving.model import LoadedBundle

    loaded = LoadedBundle(bundle)
    known = loaded.known_users
    count = min(users, len(known))
    chosen = [known[position * (len(known) - 1) // max(1, count - 1)] for position in range(count)]
    answers = loaded.recommend(chosen, n=n) if chosen else []
    return [
        UserSample(
            user_id=user_id,
            liked=_liked(loaded.user_history(user_id), rated=loaded.facts.get("has_ratings", True)),
            items=list(answer.items),
            source=answer.source,
        )
        for user_id, answer in zip(chosen, answers, strict=True)
    ]


def _liked(history: list[tuple[str, str, float]], *, rated: bool = True) -> list[tuple[str, float]]:
    latest_first = reversed(history)
    best_first = sorted(latest_first, key=lambda row: -row[2])
    return [(title, rating if rated else 0.0) for _, title, rating in best_first[:LIKED]]
