"""Some users, what they rated highest and what the bundle gives them: the look at a result that figures do not give."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq
import tensorflow as tf

from components.feature_specs import GENRES
from components.report.facts import Person, Recommended, ShownReason
from serving import contract
from serving.scann_operations import load_operations

LIKED = 8
LISTED = 10
REASONS = 3


def describe_people(bundle: str, count: int) -> list[Person]:
    """Asks a bundle for some of its users, from the quietest to the most active.

    Args:
      bundle: The folder of its SavedModel.
      count: Number of users.
    """
    chosen = choose_people(bundle, count)
    if not chosen:
        return []
    load_operations(bundle)
    with tf.io.gfile.GFile(f"{bundle}/{contract.EXTRA_ASSETS}/{contract.CATALOGUE_FILE}") as file:
        genres = {item["id"]: item["features"].get(GENRES, []) for item in json.loads(file.read())["items"]}
    asked = _Asked(tf.saved_model.load(bundle), genres)
    return [asked.person(user_id, interactions) for user_id, interactions in chosen]


def choose_people(bundle: str, count: int) -> list[tuple[str, int]]:
    """Users and how many interactions are known of each: the middle one of each of `count` equal groups by activity.

    Users with as many interactions stand in the order of the bundle.
    """
    with tf.io.gfile.GFile(f"{bundle}/{contract.EXTRA_ASSETS}/{contract.USERS_FILE}", "rb") as file:
        table = pq.read_table(io.BytesIO(file.read()))
    known = [
        (user_id, interactions)
        for user_id, interactions in zip(table["user_id"].to_pylist(), table["interactions"].to_pylist(), strict=True)
        if interactions
    ]
    known.sort(key=lambda one: one[1])
    count = min(count, len(known))
    chosen = [known[(2 * position + 1) * len(known) // (2 * count)] for position in range(count)]
    return [(user_id.decode(), interactions) for user_id, interactions in chosen]


class _Asked:
    """A loaded bundle and the genres of its items."""

    def __init__(self, model: Any, genres: dict[str, list[str]]) -> None:
        self._signatures = model.signatures
        self._genres = genres

    def person(self, user_id: str, interactions: int) -> Person:
        user = tf.constant([user_id])
        answer = self._ask(contract.SERVING_DEFAULT, user_id=user)
        count = min(int(answer[contract.COUNT][0]), LISTED)
        items = _texts(answer[contract.ITEM_IDS][0][:count])
        reasons = self._reasons(user_id, items)
        columns = (answer[name][0][:count] for name in (contract.TITLES, contract.SCORES, contract.PREDICTED_RATINGS))
        return Person(
            user_id=user_id,
            interactions=interactions,
            liked=self._liked(user),
            source=str(answer[contract.SOURCE][0].decode()),
            recommended=[
                Recommended(
                    title=_text(title),
                    genres=self._genres.get(item, []),
                    score=round(float(score), 4),
                    predicted_rating=round(float(stars), 3),
                    reasons=why,
                )
                for item, title, score, stars, why in zip(items, *columns, reasons, strict=True)
            ],
        )

    def _liked(self, user: Any) -> list[tuple[str, float]]:
        history = self._ask(contract.HISTORY, user_id=user)
        known = int(history[contract.COUNT][0])
        newest_first = zip(
            _texts(history[contract.TITLES][0][:known]), map(float, history[contract.RATINGS][0][:known]), strict=True
        )
        return sorted(newest_first, key=lambda one: -one[1])[:LIKED]

    def _reasons(self, user_id: str, items: Sequence[str]) -> list[list[ShownReason]]:
        rows = len(items)
        if not rows:
            return []
        why = self._ask(
            contract.EXPLAIN,
            **{
                contract.USER_ID: tf.constant([user_id] * rows),
                contract.HISTORY_ITEM_IDS: tf.zeros([rows, 0], tf.string),
                contract.HISTORY_RATINGS: tf.zeros([rows, 0], tf.float32),
                contract.ITEM_ID: tf.constant(list(items)),
            },
        )
        return [
            [
                ShownReason(
                    title=_text(why[contract.TITLES][row, column]),
                    share=round(float(why[contract.SHARES][row, column]), 4),
                    genres=self._shared(item, _text(why[contract.ITEM_IDS][row, column])),
                )
                for column in range(min(REASONS, int(why[contract.COUNT][row])))
            ]
            for row, item in enumerate(items)
        ]

    def _shared(self, item: str, other: str) -> list[str]:
        return [genre for genre in self._genres.get(item, []) if genre in self._genres.get(other, [])]

    def _ask(self, signature: str, **inputs: Any) -> dict[str, Any]:
        return {name: tensor.numpy() for name, tensor in self._signatures[signature](**inputs).items()}


def _text(value: bytes) -> str:
    return value.decode()


def _texts(values: Any) -> list[str]:
    return [_text(value) for value in values]
