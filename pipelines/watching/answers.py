"""The lists that were answered, person by person, as the request log has them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from components.errors import InputError
from serving import contract
from serving.errors import InvalidRequestError
from serving.request_log.files import day_of, files_of, records_of
from serving.request_log.record import Array, Logged, read

LISTS = frozenset({contract.SERVING_DEFAULT, contract.RECOMMEND, contract.RETRIEVE, contract.SIMILAR})
"""Signatures whose answers are shown to somebody."""


class Answered(NamedTuple):
    """A list that was answered; one row of a request.

    Attributes:
      request_id: Of the request, which may have several rows.
      time: In seconds since 1970.
      version: That answered.
      label: By which it was asked; "" = by none.
      signature: What was asked.
      user: Of whom, as it is logged (hashed under a key); "" = of nobody.
      source: Where the answer comes from (serving/contract.py); "" = the signature does not tell.
      items: That were answered, best first.
      told: Items of the history in the request.
      context: Texts `feature=value` of the moment.
      user_features: Texts `feature=value` of the user.
    """

    request_id: str
    time: int
    version: int
    label: str
    signature: str
    user: str
    source: str
    items: tuple[str, ...]
    told: int
    context: tuple[str, ...]
    user_features: tuple[str, ...]


def answers_of(prefix: Path, model: str, first: datetime.date, last: datetime.date) -> Iterator[Answered]:
    """The lists of some days (UTC) in the log of a prefix, file by file.

    Args:
      prefix: Beginning of the paths of the log's files.
      model: Of which model.
      first, last: The days; both are among them.

    Raises:
      InputError: There is no log, or a file of it is none.
    """
    paths = files_of(prefix)
    if not paths:
        raise InputError(
            f"there is no request log {prefix}-*.tfrecord",
            expected="the prefix that the server logs to",
            action="serve with --request-log PREFIX, and give the same prefix here",
        )
    for path in paths:
        if not first <= day_of(prefix, path) <= last:  # a file holds records of one day
            continue
        for record in records_of(path):
            try:
                logged = read(record)
            except InvalidRequestError as error:
                raise InputError(
                    f"{path} is no request log: {error}",
                    expected="a TFRecord of PredictionLog",
                    action="leave the file out",
                ) from error
            if logged is not None and logged.model == model and logged.signature in LISTS:
                yield from rows_of(logged)


def rows_of(logged: Logged) -> Iterator[Answered]:
    """The lists of a request."""
    counts = logged.outputs[contract.COUNT].tolist()
    items = logged.outputs[contract.ITEM_IDS]
    users, sources = logged.inputs.get(contract.USER_ID), logged.outputs.get(contract.SOURCE)
    told, context, features = (
        logged.inputs.get(name) for name in (contract.HISTORY_ITEM_IDS, contract.CONTEXT, contract.USER_FEATURES)
    )
    for row, count in enumerate(counts):
        yield Answered(
            request_id=logged.request_id,
            time=logged.time,
            version=logged.version,
            label=logged.label,
            signature=logged.signature,
            user="" if users is None else _text(users[row]),
            source="" if sources is None else _text(sources[row]),
            items=_texts(items[row][:count]),
            told=0 if told is None else len(_texts(told[row])),
            context=() if context is None else _texts(context[row]),
            user_features=() if features is None else _texts(features[row]),
        )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _texts(values: Array) -> tuple[str, ...]:
    return tuple(_text(value) for value in values.tolist() if value)
