"""Columns of the interactions that are features of their context: every combination of values that occurs."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import duckdb
import pandas as pd

from components.errors import InputError
from components.feature_specs import FeatureSpec, columns_of_context
from components.ingestion.loading import BETWEEN

Combinations = list[tuple[str, ...]]
"""Values of the features of every combination, in the order of their numbers; "" where one is missing."""

MOST_COMBINATIONS = 1_000_000


def understand(
    connection: duckdb.DuckDBPyConnection, specs: tuple[FeatureSpec, ...]
) -> tuple[Combinations, tuple[FeatureSpec, ...]]:
    """Numbers the combinations in the table `rows`, as `context_codes(id, code)`, and finds each feature's values.

    Args:
      connection: With the table `rows`.
      specs: All features.

    Returns:
      The combinations, and the features with the values that have a vector, the most frequent first.

    Raises:
      InputError: A column has no value at all, or far too many different ones to be categories.
    """
    found = connection.execute(
        "SELECT context, count(*) FROM rows WHERE context IS NOT NULL GROUP BY context ORDER BY context"
    ).fetchall()
    codes = pd.DataFrame({"id": [text for text, _ in found], "code": range(len(found))}).astype({"id": object})
    connection.register("contexts", codes)
    connection.execute(
        "CREATE OR REPLACE TABLE context_codes AS SELECT id::VARCHAR AS id, code::INTEGER AS code FROM contexts"
    )
    columns = columns_of_context(specs)
    if not columns:
        return [], specs
    combinations: Combinations = [tuple(text.split(BETWEEN)) for text, _ in found]
    if len(combinations) > MOST_COMBINATIONS:
        raise InputError(
            f"{', '.join(spec.column for spec in columns)}: {len(combinations):,} combinations of values",
            expected=f"at most {MOST_COMBINATIONS:,}: features of a context are categories",
            action="take out the feature whose values are ids, times or numbers",
        )
    counts = [Counter[str]() for _ in columns]
    for values, (_, rows) in zip(combinations, found, strict=True):
        for counter, value in zip(counts, values, strict=True):
            counter[value] += rows
    known = {spec.name: _known(spec, counter) for spec, counter in zip(columns, counts, strict=True)}
    return combinations, tuple(
        dataclasses.replace(spec, values=known[spec.name]) if spec in columns else spec for spec in specs
    )


def _known(spec: FeatureSpec, rows: Counter[str]) -> tuple[str, ...]:
    del rows[""]
    if not rows:
        raise InputError(
            f"the column `{spec.column}`, which features.context.{spec.name} reads, has no value",
            expected="at least one row with a value",
            action="choose another column, or leave the feature out",
        )
    frequent = sorted(
        (value for value in rows if rows[value] >= spec.min_rows), key=lambda value: (-rows[value], value)
    )
    return tuple(frequent[: spec.most])


def column(combinations: Combinations, specs: Sequence[FeatureSpec], spec: FeatureSpec) -> list[bytes]:
    """The values of one feature, bytes, by the number of the combination."""
    place = columns_of_context(specs).index(spec)
    return [values[place].encode() for values in combinations]
