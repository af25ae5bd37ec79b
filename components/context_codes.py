"""Codes of the context of an interaction: of what is known of the moment in which one asks.

Of every feature a row has one code, below its number of values; MISSING for an unknown value and where nothing is
known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.feature_specs import CATEGORY, HOUR, FeatureSpec

MISSING = -1
HOURS, WEEKDAYS = 24, ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FIRST_WEEKDAY = 3  # of 1970-01-01, a Thursday
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400


def values_of(spec: FeatureSpec) -> tuple[str, ...]:
    """The known values of a feature of contexts; a position is a code."""
    if spec.kind == CATEGORY:
        return spec.values
    return tuple(map(str, range(HOURS))) if spec.kind == HOUR else WEEKDAYS


def codes_of(
    specs: Sequence[FeatureSpec], timestamps: npt.NDArray[np.int64], columns: Mapping[str, npt.NDArray[np.object_]]
) -> npt.NDArray[np.int32]:
    """Codes int32 `[rows, K]`, from Unix seconds `[rows]` and the columns of categories (bytes) by their names."""
    codes = np.full((len(timestamps), len(specs)), MISSING, np.int32)
    for number, spec in enumerate(specs):
        if spec.kind == CATEGORY:
            known = {value.encode(): code for code, value in enumerate(spec.values)}
            codes[:, number] = [known.get(value, MISSING) for value in columns[spec.raw]]
        elif spec.kind == HOUR:
            codes[:, number] = np.where(timestamps > 0, timestamps // HOUR_SECONDS % HOURS, MISSING)
        else:
            codes[:, number] = np.where(
                timestamps > 0, (timestamps // DAY_SECONDS + FIRST_WEEKDAY) % len(WEEKDAYS), MISSING
            )
    return codes
