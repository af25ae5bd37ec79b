"""Columns of one's own in the tables of items and users, as the values of features."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from components.errors import InputError
from components.feature_specs import CATEGORIES, CATEGORY, NUMBER, TEXT, VECTOR, YEAR, FeatureSpec
from components.ingestion.categories import NOTHING, split_columns
from components.ingestion.columns import named_column
from components.ingestion.reading.tables import SourceTable

Values = list[Any]
"""One list an entity: bytes, or floats of a number or vector; empty where nothing is known."""

_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
_NUMBER_PARTS = re.compile(r"[^0-9eE.+-]+")


def columns_of(tables: Sequence[SourceTable], specs: Iterable[FeatureSpec], option: str) -> dict[str, str]:
    """The column of each feature that is no standard column, by its name.

    Raises:
      InputError: A table lacks a column.
    """
    found = {}
    for spec in specs:
        if spec.is_standard_column:
            continue
        for table in tables:
            column = named_column(table, spec.column)
            if column is None:
                raise InputError(
                    f"{table.path}: no column `{spec.column}`, which features.{spec.entity}.{spec.name} reads",
                    expected="one of " + ", ".join(table.header),
                    received=spec.column,
                    action=f"correct the column of the feature, or name another file with {option}",
                )
            found[spec.name] = column
    return found


def converted(spec: FeatureSpec, values: Sequence[Any], column: str = "") -> Values:
    """The values of a column as those of a feature.

    Args:
      spec: The feature.
      values: The column, as the table gives it.
      column: Its name as the table has it: RecBole's `:token_seq` says that blanks part several values.

    Raises:
      InputError: No row has a value, or vectors have different lengths.
    """
    if column.endswith(":token_seq") and not spec.separator:
        spec = dataclasses.replace(spec, separator=" ")
    found = _KINDS[spec.kind](spec, values)
    if not any(found):
        some = ", ".join(dict.fromkeys(repr(value)[:40] for value in values[:100] if value is not None))
        raise InputError(
            f"the column `{spec.column}`, which features.{spec.entity}.{spec.name} reads as {spec.kind}, has no value",
            expected="at least one row with a value of this kind",
            received=some[:200] or "nothing in every row",
            action="choose another kind or another column, or leave the feature out",
        )
    return found


def _categories(spec: FeatureSpec, values: Sequence[Any]) -> Values:
    if spec.separator:
        values = [value.split(spec.separator) if isinstance(value, str) else value for value in values]
    return list(split_columns(values))


def _category(spec: FeatureSpec, values: Sequence[Any]) -> Values:
    del spec
    return [[text.encode()] if (text := text_of(value)) else [] for value in values]


def _years(spec: FeatureSpec, values: Sequence[Any]) -> Values:
    """Texts that end with a year in brackets; a year alone gets them."""
    texts = [text_of(value) for value in values]
    return [[(f"({text})" if re.fullmatch(r"\d{4}", text) else text).encode()] if text else [] for text in texts]


def _numbers(spec: FeatureSpec, values: Sequence[Any]) -> Values:
    del spec
    return [[] if number is None else [number] for number in numbers_of(values)]


def numbers_of(values: Sequence[Any]) -> list[float | None]:
    """Numbers; a comma is one of thousands where all commas can be, else that of decimals. None: no finite number."""
    texts = [value for value in values if isinstance(value, str)]
    with_commas = [text.strip() for text in texts if "," in text]
    thousands = all("." in text or _THOUSANDS.fullmatch(text) for text in with_commas)
    return [_number(value, thousands) for value in values]


def _vectors(spec: FeatureSpec, values: Sequence[Any]) -> Values:
    found = [_vector(value) for value in values]
    lengths = sorted({len(one) for one in found if one})
    if len(lengths) > 1:
        row = next(row for row, one in enumerate(found) if one and len(one) != len(next(filter(None, found))))
        raise InputError(
            f"the column `{spec.column}`, which features.{spec.entity}.{spec.name} reads as vector: row {row + 1} has "
            "another length than the rows before it",
            expected=f"{len(next(filter(None, found)))} numbers in every row",
            received=f"{len(found[row])}",
            action="make all vectors alike in length, or leave the cell empty where there is none",
        )
    return found


_KINDS: dict[str, Callable[[FeatureSpec, Sequence[Any]], Values]] = {
    CATEGORY: _category,
    CATEGORIES: _categories,
    TEXT: _category,
    YEAR: _years,
    NUMBER: _numbers,
    VECTOR: _vectors,
}


def text_of(value: Any) -> str:
    """One value as text, "" where it is missing: a whole number has no `.0`."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        value = int(value) if value.is_integer() else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = "" if value is None else " ".join(str(value).split())
    if re.fullmatch(r"\d+\.0", text):
        text = text[:-2]
    return "" if text.lower() in NOTHING else text


def _number(value: Any, thousands: bool) -> float | None:
    if value is None or isinstance(value, (list, dict)):
        return None
    if isinstance(value, str):
        value = value.strip().replace("\u00a0", "").replace(" ", "")
        value = (
            value.replace(",", "") if thousands else value.replace(".", "").replace(",", ".") if "," in value else value
        )
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and abs(number) < 3e38 else None


def _vector(value: Any) -> list[float]:
    if isinstance(value, str):
        value = [part for part in _NUMBER_PARTS.split(value) if part]
    elif not isinstance(value, (list, tuple)):
        return []
    numbers = [_number(part, thousands=False) for part in value]
    return [number for number in numbers if number is not None] if None not in numbers else []
