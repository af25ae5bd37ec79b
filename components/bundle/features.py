"""What the bundle reads of the features of items and users: values that filter, and what users' features come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.bundle.known import KnownUsers
from components.examples import NOBODY, RaggedRows, parsed_batches, read_users
from components.feature_specs import FILTERED, ITEM, USER, FeatureSpec, of

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
    lengths, positions, weights, told = [np.zeros(1, np.int64)], [], [], []
    for start in range(0, len(everything), USERS_AT_ONCE):
        examples = tf.constant(list(everything[start : start + USERS_AT_ONCE]), tf.string)
        found = {name: part.numpy() for name, part in retrieval.encode_users(examples).items()}
        real = found["positions"] >= 0
        lengths.append(real.sum(axis=1))
        positions.append(found["positions"][real])
        weights.append(found["weights"][real])
        told.append(found["given"])
    content = RaggedRows(
        row_splits=np.cumsum(np.concatenate(lengths)),
        rows=np.concatenate(positions),
        weights=np.concatenate(weights),
    )
    return dataclasses.replace(known.among(ids), content=content, told=np.concatenate(told)[:-1])
