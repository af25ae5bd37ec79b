"""The tables of a two-tower model with the names of their rows, to be written and started from."""

from __future__ import annotations

import numpy as np

from components import features
from components.feature_specs import CONTEXT, of
from components.retrieval.content import UNKNOWN_SLOT, ItemContent
from components.retrieval.model import TwoTowerModel
from components.training.warm_start import UNKNOWN, Tables, WeightTable
from components.transform.content import Content, position_names
from components.transform.graph import TransformGraph


def tables_of(model: TwoTowerModel, content: ItemContent, graph: TransformGraph, users: Content | None) -> Tables:
    """Every table of a model.

    Args:
      model: Built for the data.
      content: Id slots and content of its items.
      graph: Knows the vocabularies.
      users: Content of users, where the model reads any.
    """
    slots, of_items = slot_names(content, graph), position_names(content.content.blocks, graph)
    tables = {}
    for side, encoder in (("history", model.query_tower.encoder), ("candidates", model.candidate_tower.encoder)):
        tables[f"{side}.ids"] = WeightTable(encoder.ids, slots)
        if encoder.content is not None:
            tables[f"{side}.content"] = WeightTable(encoder.content, of_items)
    tables["candidates.bias"] = WeightTable(model.candidate_tower.bias, slots)
    if model.query_tower.users is not None:
        told = [] if users is None else position_names(users.blocks, graph)
        size = int(model.query_tower.users.shape[0])
        contexts = [spec.key.encode() for spec in of(graph.specs, CONTEXT)]
        behind = [b"context %d of %s" % (place, b",".join(contexts)) for place in range(size - len(told))]
        tables["users"] = WeightTable(model.query_tower.users, [*told, *behind])
    return tables


def slot_names(content: ItemContent, graph: TransformGraph) -> list[bytes]:
    """The item of each id slot; UNKNOWN of the one that rare and unknown items share."""
    slot_by_index = content.slot_by_index
    names = [UNKNOWN] * content.slots
    vocabulary = graph.vocabulary(features.ITEM_VOCABULARY)
    for index in np.flatnonzero(slot_by_index[: len(vocabulary)] != UNKNOWN_SLOT):
        names[slot_by_index[index]] = vocabulary[index]
    return names
