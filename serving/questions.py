"""What is asked of a bundle, and what comes back: the same typed questions in process, over REST and over gRPC."""

from __future__ import annotations

import abc
import ctypes
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from serving import contract
from serving.errors import AnswerError
from serving.public_signatures import OPTIONAL_SIGNATURES, SIGNATURES


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """One item of the first stage.

    Attributes:
      id: Its id, as in the data.
      score: Relevance.
    """

    id: str
    score: float


class BundleQuestions(abc.ABC):
    """Typed questions to a bundle, wherever it is."""

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
        request_id: str = "",
    ) -> list[Answer]:
        """Recommends items, with the same of everything else for every user.

        Args:
          user_ids: Users, "" for a person without an id.
          n: Items in an answer, 0 = the bundle's default.
          history: Item ids with stars (0 = not rated), oldest first; replaces what is stored.
          exclude: Items to leave out.
          allow: Only these items; none = all.
          filters: Texts `feature=value` that items must meet (serving/contract.py); none = all.
          user_features: Texts `feature=value` of the user; they replace what is stored.
          context: Texts `feature=value` of the moment.
          request_id: Of printable ASCII characters; events that name it tell which answer they follow from.
        """
        rows = len(user_ids)
        outputs = self._ask(
            contract.RECOMMEND,
            {
                contract.USER_ID: list(user_ids),
                contract.HISTORY_ITEM_IDS: [_list("", [item for item, _ in history])] * rows,
                contract.HISTORY_RATINGS: [_list(0.0, [float(stars) for _, stars in history])] * rows,
                contract.EXCLUDE_ITEM_IDS: [_list("", exclude)] * rows,
                contract.ALLOW_ITEM_IDS: [_list("", allow)] * rows,
                contract.FILTERS: [_list("", filters)] * rows,
                contract.USER_FEATURES: [_list("", user_features)] * rows,
                contract.CONTEXT: [_list("", context)] * rows,
                contract.N: [n] * rows,
            },
            request_id,
        )
        return [
            Answer(user_id=user_id, items=_items(outputs, row), source=str(outputs[contract.SOURCE][row]))
            for row, user_id in enumerate(user_ids)
        ]

    def retrieve(self, user_ids: Sequence[str]) -> list[list[Candidate]]:
        """The first stage alone: candidates of every user, best first, what the user knows left out."""
        outputs = self._ask(contract.RETRIEVE, {contract.USER_ID: list(user_ids)})
        return [
            [
                Candidate(id=item_id, score=_float32(score))
                for item_id, score in _columns(outputs, row, contract.ITEM_IDS, contract.SCORES)
            ]
            for row in range(len(user_ids))
        ]

    def rank(self, user_id: str, item_ids: Sequence[str]) -> list[float]:
        """The stars that the user would give to each item; 0 where the bundle predicts none."""
        asked = {contract.USER_ID: [user_id] * len(item_ids), contract.ITEM_ID: list(item_ids)}
        return [_float32(stars) for stars in self._ask(contract.RANK, asked)[contract.PREDICTED_RATING]]

    def similar(self, item_id: str) -> list[Item]:
        """Items like this one, best first, as many as the bundle's default n; none for an unknown id."""
        return _items(self._ask(contract.SIMILAR, {contract.ITEM_ID: [item_id]}), 0)

    def explain(
        self, user_id: str, item_ids: Sequence[str], history: Sequence[tuple[str, float]] = ()
    ) -> list[list[Reason]]:
        """For each item, the items of the user's history that speak most for it, best first.

        Args:
          user_id: A user, "" for a person without an id.
          item_ids: What was recommended.
          history: Item ids with stars (0 = not rated), oldest first; replaces what is stored.

        Raises:
          InvalidRequestError: The bundle cannot explain.
        """
        rows = len(item_ids)
        asked = {
            contract.USER_ID: [user_id] * rows,
            contract.HISTORY_ITEM_IDS: [_list("", [item for item, _ in history])] * rows,
            contract.HISTORY_RATINGS: [_list(0.0, [float(stars) for _, stars in history])] * rows,
            contract.ITEM_ID: list(item_ids),
        }
        outputs = self._ask(contract.EXPLAIN, asked)
        names = (contract.ITEM_IDS, contract.TITLES, contract.SCORES, contract.SHARES)
        return [
            [
                Reason(id=item_id, title=title, score=_float32(score), share=_float32(share))
                for item_id, title, score, share in _columns(outputs, row, *names)
            ]
            for row in range(rows)
        ]

    def user_history(self, user_id: str) -> list[tuple[str, str, float]]:
        """Item id, title and stars of everything that is known of a user, oldest first."""
        outputs = self._ask(contract.HISTORY, {contract.USER_ID: [user_id]})
        newest_first = _columns(outputs, 0, contract.ITEM_IDS, contract.TITLES, contract.RATINGS)
        return [(item_id, title, _float32(stars)) for item_id, title, stars in newest_first][::-1]

    @abc.abstractmethod
    def _outputs(self, signature: str, inputs: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Asks a signature of the contract.

        Args:
          signature: Its name.
          inputs: All its inputs by name, as nested lists with at least one row.
          request_id: By which events and logs name the question; "" = none is given.

        Returns:
          All its outputs by name, as nested lists; strings as str.
        """

    def _ask(self, name: str, inputs: Mapping[str, Any], request_id: str = "") -> dict[str, Any]:
        """Asks a signature of the contract, whose first dimension is the batch."""
        rows = len(next(iter(inputs.values())))
        if not rows:
            return {output: [] for output in (SIGNATURES.get(name) or OPTIONAL_SIGNATURES[name]).outputs}
        outputs = self._outputs(name, inputs, request_id)
        for output, values in outputs.items():
            if not isinstance(values, list) or len(values) != rows:
                raise AnswerError(f"the output `{output}` of the signature `{name}` should have {rows} rows")
        return outputs


def _list(nothing: Any, values: Sequence[Any]) -> list[Any]:
    """A list of a request: one neutral value first, as the official server's batching cannot merge empty lists."""
    return [nothing, *values]


def _items(outputs: Mapping[str, Any], row: int) -> list[Item]:
    names = [contract.ITEM_IDS, contract.TITLES, contract.SCORES]
    names += [contract.PREDICTED_RATINGS] if contract.PREDICTED_RATINGS in outputs else []
    return [
        Item(id=item_id, title=title, score=_float32(score), predicted_rating=_float32(stars[0]) if stars else 0.0)
        for item_id, title, score, *stars in _columns(outputs, row, *names)
    ]


def _columns(outputs: Mapping[str, Any], row: int, *names: str) -> list[tuple[Any, ...]]:
    """The real values of a padded row, output by output, side by side."""
    try:
        count = outputs[contract.COUNT][row]
        return list(zip(*(outputs[name][row][:count] for name in names), strict=True))
    except (TypeError, ValueError) as error:
        raise AnswerError(f"the outputs {', '.join(names)} should be lists of one width: {error}") from error


def _float32(value: Any) -> float:
    """The very number of the model: JSON carries the shortest text of it, which reads as another float64."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise AnswerError(f"a score or rating of the answer should be a number. Received: {value!r}")
    return ctypes.c_float(value).value
