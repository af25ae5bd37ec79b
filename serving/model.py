"""One loaded bundle, asked in process; what the server and the command line stand on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serving import contract
from serving.missing_extra import needs_extra
from serving.scann_operations import load_operations


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item:
    """One item of an answer.

    Attributes:
      id: Its id, as in the data.
      title: Its title.
      score: Relevance: inner product of the towers, or share of interactions where popularity answered.
      predicted_rating: Stars; 0 where the bundle predicts none.
    """

    id: str
    title: str
    score: float
    predicted_rating: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reason:
    """One item of a person's history that speaks for a recommended one.

    Attributes:
      id: Its id.
      title: Its title.
      score: Its part of the recommended item's relevance.
      share: That part divided by the sum of all positive ones.
    """

    id: str
    title: str
    score: float
    share: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What the bundle recommends to one person.

    Attributes:
      user_id: Whom it was asked for.
      items: Best first.
      source: `model`, `history`, `features` or `popularity` (serving/contract.py).
    """

    user_id: str
    items: list[Item]
    source: str


class LoadedBundle:
    """A bundle in memory.

    Args:
      path: A version's folder, with saved_model.pb.
    """

    def __init__(self, path: str | Path) -> None:
        with needs_extra("LoadedBundle", "serving"):
            import tensorflow as tf

        self.path = Path(path)
        self.facts = self._extra(contract.BUNDLE_FILE)
        load_operations(self.path)
        self._tf = tf
        self._model = tf.saved_model.load(str(self.path))
        self._catalogue: dict[str, Any] | None = None

    @property
    def signatures(self) -> dict[str, Any]:
        """The callable signatures by name."""
        return dict(self._model.signatures)

    @property
    def catalogue(self) -> dict[str, Any]:
        """Items (id, title, values of features) and some user ids."""
        if self._catalogue is None:
            self._catalogue = self._extra(contract.CATALOGUE_FILE)
        return self._catalogue

    @property
    def known_users(self) -> list[str]:
        """Some users whom the bundle knows (as many as catalogue.json lists)."""
        return list(self.catalogue.get("users", []))

    @property
    def filters(self) -> list[str]:
        """All filters that some item meets, `feature=value`, sorted."""
        return filters_of(self.catalogue)

    def recommend(
        self,
        user_ids: Sequence[str],
        n: int = 0,
        history: Sequence[tuple[str, float]] = (),
        exclude: Sequence[str] = (),
        allow: Sequence[str] = (),
        filters: Sequence[str] = (),
        user_features: Sequence[str] = (),
        context: Sequence[str] = (),
    ) -> list[Answer]:
        """Asks the signature `recommend`, the same of everything else for every user.

        Args:
          user_ids: Users, "" for a person without an id.
          n: Items in an answer, 0 = the bundle's default.
          history: Item ids with stars (0 = not rated), oldest first; replaces what is stored.
          exclude: Items to leave out.
          allow: Only these items; none = all.
          filters: Texts `feature=value` that items must meet (serving/contract.py); none = all.
          user_features: Texts `feature=value` of the user; they replace what is stored.
          context: Texts `feature=value` of the moment.
        """
        tf, rows = self._tf, len(user_ids)
        output = self._model.signatures[contract.RECOMMEND](
            **{
                contract.USER_ID: tf.constant(list(user_ids), tf.string),
                contract.HISTORY_ITEM_IDS: self._repeated([item for item, _ in history], rows),
                contract.HISTORY_RATINGS: tf.constant([[stars for _, stars in history]] * rows, tf.float32),
                contract.EXCLUDE_ITEM_IDS: self._repeated(exclude, rows),
                contract.ALLOW_ITEM_IDS: self._repeated(allow, rows),
                contract.FILTERS: self._repeated(filters, rows),
                contract.USER_FEATURES: self._repeated(user_features, rows),
                contract.CONTEXT: self._repeated(context, rows),
                contract.N: tf.fill([rows], n),
            }
        )
        values = {name: tensor.numpy() for name, tensor in output.items()}
        return [
            Answer(
                user_id=user_id,
                items=[_item(values, row, column) for column in range(values[contract.COUNT][row])],
                source=values[contract.SOURCE][row].decode(),
            )
            for row, user_id in enumerate(user_ids)
        ]

    def similar(self, item_id: str) -> list[Item]:
        """Items like this one, best first; none for an unknown id."""
        output = self._model.signatures[contract.SIMILAR](item_id=self._tf.constant([item_id]))
        values = {name: tensor.numpy() for name, tensor in output.items()}
        return [_item(values, 0, column) for column in range(values[contract.COUNT][0])]

    def explain(
        self, user_id: str, item_ids: Sequence[str], history: Sequence[tuple[str, float]] = ()
    ) -> list[list[Reason]]:
        """Which items of the person's history pulled each item in, most important first.

        Args:
          user_id: A user, "" for a person without an id.
          item_ids: What was recommended, or might be.
          history: Item ids with stars, oldest first; replaces what is stored.
        """
        tf, rows = self._tf, len(item_ids)
        output = self._model.signatures[contract.EXPLAIN](
            **{
                contract.USER_ID: tf.constant([user_id] * rows, tf.string),
                contract.HISTORY_ITEM_IDS: self._repeated([item for item, _ in history], rows),
                contract.HISTORY_RATINGS: tf.constant([[stars for _, stars in history]] * rows, tf.float32),
                contract.ITEM_ID: tf.constant(list(item_ids), tf.string),
            }
        )
        values = {name: tensor.numpy() for name, tensor in output.items()}
        return [
            [
                Reason(
                    id=_text(values[contract.ITEM_IDS][row, column]),
                    title=_text(values[contract.TITLES][row, column]),
                    score=float(values[contract.SCORES][row, column]),
                    share=float(values[contract.SHARES][row, column]),
                )
                for column in range(values[contract.COUNT][row])
            ]
            for row in range(rows)
        ]

    def user_history(self, user_id: str) -> list[tuple[str, str, float]]:
        """Item id, title and stars of everything that is known of a user, oldest first."""
        output = self._model.signatures[contract.HISTORY](user_id=self._tf.constant([user_id]))
        values = {name: tensor.numpy() for name, tensor in output.items()}
        newest_first = [
            (
                _text(values[contract.ITEM_IDS][0, column]),
                _text(values[contract.TITLES][0, column]),
                float(values[contract.RATINGS][0, column]),
            )
            for column in range(values[contract.COUNT][0])
        ]
        return newest_first[::-1]

    def _repeated(self, values: Sequence[str], rows: int) -> Any:
        return self._tf.reshape(self._tf.constant(list(values) * rows, self._tf.string), [rows, len(values)])

    def _extra(self, name: str) -> dict[str, Any]:
        path = self.path / contract.EXTRA_ASSETS / name
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def filters_of(catalogue: Mapping[str, Any]) -> list[str]:
    """All filters that some item of a catalogue meets, `feature=value`, sorted."""
    return sorted(
        {
            f"{feature}={value}"
            for item in catalogue.get("items", [])
            for feature, values in item["features"].items()
            for value in values
        }
    )


def _item(values: dict[str, Any], row: int, column: int) -> Item:
    stars = values.get(contract.PREDICTED_RATINGS)
    return Item(
        id=_text(values[contract.ITEM_IDS][row, column]),
        title=_text(values[contract.TITLES][row, column]),
        score=float(values[contract.SCORES][row, column]),
        predicted_rating=0.0 if stars is None else float(stars[row, column]),
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
