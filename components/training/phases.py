"""What a training may see: the training rows, after a choice by the eval rows train + eval, or all rows there are.

A model is trained up to twice for the judgement. The first training looks for the number of epochs with the eval rows;
with `training.final_fit = train_eval` a second one trains anew on train + eval for that long, and it is what is judged
and served. With `all` what goes live is trained on every row after the judgement (components/final_fit). Transform has
counted all rows; a phase takes back what rows outside of it told: items without rows in it are unknown to it, and
frequencies are those of its rows. What stays is which genres and title words have a place in the vocabularies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from components.examples import Catalogue, Longs, UserSequences, read_sequences
from components.feature_specs import CONTEXT, ITEM, of
from components.features import ALL_PARTS, EVAL_PART, TRAIN_PART
from components.training.inputs import FINAL_EPOCHS, LIKED_FROM, REFIT, SEQUENCES, USERS
from components.training.users import Users, read_user_features
from components.transform.content import Content, create_content
from components.transform.graph import EntityFeatures, TransformGraph


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """The rows of one training, and what they tell of the items.

    Attributes:
      sequences: The rows of each user, oldest first.
      items: Features of the catalogue; an item without a row here has the unknown index.
      content: Of the features of items.
      users: What is known of all users; None where they have no features.
      frequencies: int64 `[item vocabulary + 1]`, rows of each item index; 0 for the unknown one.
      liked_from: Rows rated below are dislikes; None: there are none.
    """

    sequences: UserSequences
    items: EntityFeatures
    content: Content
    frequencies: Longs
    liked_from: float | None = None
    users: Users | None = None


def read_phases(
    custom_config: Mapping[str, Any], graph: TransformGraph, catalogue: Catalogue
) -> tuple[Phase, Phase | None]:
    """The training that the eval rows may stop, and the one after it where the judged models learn from them too.

    With FINAL_EPOCHS there is one training, on all rows.

    Args:
      custom_config: Of a trainer's `fn_args` (inputs.py).
      graph: The transform graph.
      catalogue: All items.
    """
    items = graph.catalogue_features(catalogue)
    everything = read_sequences(custom_config[SEQUENCES], catalogue.item_ids, ALL_PARTS, of(graph.specs, CONTEXT))
    liked_from = custom_config.get(LIKED_FROM)
    content = create_content(graph, of(graph.specs, ITEM), items)
    users = read_user_features(custom_config.get(USERS, ()), graph)

    def phase(*parts: int) -> Phase:
        rows = everything.where(np.isin(everything.parts, parts))
        seen = seeing(rows, items, content, unknown=graph.items, liked_from=liked_from)
        return dataclasses.replace(seen, users=users)

    if custom_config.get(FINAL_EPOCHS):
        return phase(*ALL_PARTS), None
    return phase(TRAIN_PART), phase(TRAIN_PART, EVAL_PART) if custom_config.get(REFIT) else None


def seeing(
    sequences: UserSequences,
    items: EntityFeatures,
    content: Content,
    *,
    unknown: int,
    liked_from: float | None = None,
) -> Phase:
    """The phase that sees some rows only, of features that were made from more.

    Args:
      sequences: The rows of each user.
      items: Features of the catalogue by a graph that has counted all rows.
      content: Of the features of items.
      unknown: The item index of an unknown item.
      liked_from: Rows rated below are dislikes.
    """
    rows = sequences.items.rows[sequences.items.rows >= 0]
    seen = np.bincount(rows, minlength=len(items)) > 0
    index = np.where(seen, items.index, unknown)
    return Phase(
        sequences=sequences,
        items=dataclasses.replace(items, index=index),
        content=content,
        frequencies=np.bincount(index[rows], minlength=unknown + 1),
        liked_from=liked_from,
    )
