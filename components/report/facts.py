"""Everything that the page shows of a run, as plain data: what the stage writes beside the page, and reads back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownReason:
    """An item of a person's history that speaks for a recommended one.

    Attributes:
      title: Its title.
      share: Its part of everything that speaks for the recommended item, from 0 to 1.
      genres: The genres that both have.
    """

    title: str
    share: float
    genres: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recommended:
    """An item of an answer.

    Attributes:
      title: Its title.
      genres: Its genres.
      score: Its relevance.
      predicted_rating: Stars; 0 where the bundle predicts none.
      reasons: What pulled it in, most important first.
    """

    title: str
    genres: Sequence[str]
    score: float
    predicted_rating: float = 0.0
    reasons: Sequence[ShownReason] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person:
    """A user whom the bundle knows, and its answer.

    Attributes:
      user_id: The user.
      interactions: How many interactions the bundle knows of this user.
      liked: Title and stars of what the user rated highest, later ones first among equals; 0 stars: not rated.
      recommended: The answer, best first.
      source: `model`, `history` or `popularity` (serving/contract.py).
    """

    user_id: str
    interactions: int
    liked: Sequence[tuple[str, float]]
    recommended: Sequence[Recommended]
    source: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What the stages of a run left; None or empty where a stage has not run.

    Attributes:
      profile: Of the data: ExampleGen's `profile.json`.
      gate: What DataGate says: `warnings`.
      training: By component id: the trainer's `training.json`.
      index: CandidateIndexer's `index.json`.
      bundle: `bundle.json`.
      evaluation: `gates.json`, with `blessed` as TFX's mark says.
      item_map: EmbeddingMap's `map.json`.
      genres: EmbeddingMap's `genres.json`.
      people: Some users, their taste and their recommendations.
    """

    profile: Json | None = None
    gate: Json | None = None
    training: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    index: Json | None = None
    bundle: Json | None = None
    evaluation: Json | None = None
    item_map: Json | None = None
    genres: Json | None = None
    people: Sequence[Person] = ()


def to_json(facts: RunFacts) -> str:
    """The facts as JSON."""
    return json.dumps(dataclasses.asdict(facts), indent=1, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> RunFacts:
    """The inverse of `to_json`; what a newer version has added is left out."""
    values = json.loads(text)
    known = {field.name for field in dataclasses.fields(RunFacts)}
    values = {name: value for name, value in values.items() if name in known}
    return RunFacts(**{**values, "people": [_person(one) for one in values.get("people", ())]})


def _person(values: dict[str, Any]) -> Person:
    liked = [(str(title), float(stars)) for title, stars in values["liked"]]
    return Person(**{**values, "liked": liked, "recommended": [_recommended(one) for one in values["recommended"]]})


def _recommended(values: dict[str, Any]) -> Recommended:
    return Recommended(**{**values, "reasons": [ShownReason(**one) for one in values["reasons"]]})
