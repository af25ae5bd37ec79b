"""What the retrieval model sees of an item: an id slot and its content."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from components.examples import Ints, Longs
from components.transform.content import Content, Encoded
from components.transform.graph import EntityFeatures

UNKNOWN_SLOT = 0  # the id vector of every rare or unknown item


class ItemContent(tf.Module):  # type: ignore[misc]
    """Maps transformed features of items to id slots and content.

    Args:
      slot_by_index: int32 `[item vocabulary + 1]`, the id slot of each item index.
      content: Of the features of items.

    Attributes:
      slots: Number of id slots.
      size: Number of positions of content.
    """

    def __init__(self, slot_by_index: Ints, content: Content) -> None:
        super().__init__(name="item_content")
        self.slot_by_index = slot_by_index
        self._slots = tf.constant(slot_by_index, tf.int32)
        self.content = content
        self.slots = int(slot_by_index.max(initial=0)) + 1
        self.size = content.size

    def __call__(self, item_index: Any, values: Mapping[str, Any]) -> Items:
        """Encodes `n` items.

        Args:
          item_index: int64 `[n]`.
          values: RaggedTensors `[n, None]` by the name of the feature, as the transform graph makes them.
        """
        return Items(tf.gather(self._slots, item_index), self.content(values, tf.size(item_index, tf.int64)))

    def of(self, items: EntityFeatures) -> Items:
        """Encodes the whole catalogue, in catalogue order."""
        return Items(tf.gather(self._slots, items.index), self.content.of(items))


@dataclasses.dataclass(frozen=True)
class Items:
    """`n` items as tensors.

    Attributes:
      slots: int32 `[n]`, positions in the id table.
      content: Of their features.
    """

    slots: Any
    content: Encoded

    def select(self, rows: Any) -> Items:
        """The items at positions `rows` (int32 `[m]`)."""
        return Items(tf.gather(self.slots, rows), self.content.select(rows))


def item_content(content: Content, frequencies: Longs, min_ratings: int) -> ItemContent:
    """Chooses which items get an id vector.

    Args:
      content: Of the features of items.
      frequencies: int64 `[item vocabulary + 1]`, training rows of each item index.
      min_ratings: Items with fewer training rows share the unknown slot.
    """
    slots = np.full(len(frequencies), UNKNOWN_SLOT, np.int32)
    frequent = np.flatnonzero(frequencies[:-1] >= min_ratings)
    slots[frequent] = 1 + np.arange(len(frequent), dtype=np.int32)
    return ItemContent(slots, content)
