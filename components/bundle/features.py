"""What the bundle reads of the features of items and users: values that filter, and what users' features come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.bundle.known import KnownUsers
from components.examples import RaggedRows, parsed_batches, read_users
from components.feature_specs import FILTERED, ITEM, USER, FeatureSpec, of

NOBODY = b""  # an Example without a feature
USERS_AT_ONCE = 4096


def filtered_values(patterns: Sequence[str], specs: Iterable[FeatureSpec]) -> dict[str, list[list[bytes]]]:
    """Values of every item in catalogue order, by the name of each feature that filters lists, from the files given."""
    filtered = [spec for spec in of(specs, ITEM) if spec.kind in FILTERED]
    parsing = {spec.raw: tf.io.RaggedFeature(tf.string) for spec in filtered}
    values: dict[str, list[list[bytes]]] = {spec.name: [] for spec in filtered}
    if filtered:
        for batch in parsed_batches(patterns, parsing):
            for spec in filtered:
                values[spec.name].extend(batch[spec.raw].to_list())
    return values


def with_features(
    known: KnownUsers, retrieval: Any, patterns: Sequence[str], specs: Iterable[FeatureSpec]
) -> KnownUsers:
    """Known users with what their features come to, those among them of whom nothing else is known.

    Args:
      known: Users with rows.
      retrieval: Loaded retrieval model, which reads features of users.
      patterns: Of the files of the users.
      specs: The features.
    """
    if not of(specs, USER):
        return known
    ids, examples = read_users(patterns)
    everything = np.append(examples, np.array([NOBODY], object))
    positions, weights, told = [], [], []
    for start in range(0, len(everything), USERS_AT_ONCE):
        found = retrieval.encode_users(tf.constant(list(everything[start : start + USERS_AT_ONCE]), tf.string))
        real = found["positions"].numpy() >= 0
        positions += [row[there] for row, there in zip(found["positions"].numpy(), real, strict=True)]
        weights += [row[there] for row, there in zip(found["weights"].numpy(), real, strict=True)]
        told.append(found["given"].numpy())
    lengths = [len(row) for row in positions]
    content = RaggedRows(
        row_splits=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        rows=np.concatenate(positions).astype(np.int32),
        weights=np.concatenate(weights).astype(np.float32),
    )
    return dataclasses.replace(known.among(ids), content=content, told=np.concatenate(told)[:-1])
