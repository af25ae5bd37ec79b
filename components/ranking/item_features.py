"""What the rating model reads of every item of the catalogue: an index, and lists of features."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from components.examples import Floats, Ints
from components.feature_specs import TEXT
from components.ragged import Lists
from components.transform.content import Block, Encoded, block_lists


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature of all items or users.

    Attributes:
      name: Of it.
      size: Number of its values.
      values: A list of values, each below `size`, an item.
      weights: float32, `[total]`: how much each counts, as of components/transform/content.py.
    """

    name: str
    size: int
    values: Lists
    weights: Floats


@dataclasses.dataclass(frozen=True, kw_only=True)
class ItemFeatures:
    """Features of all items; a position is a catalogue row.

    Attributes:
      item_index: int32, `[items]`; `known_items` stands for an item without training rows.
      known_items: Size of the item vocabulary.
      features: The others; words of texts are not among them.
    """

    item_index: Ints
    known_items: int
    features: tuple[Feature, ...] = ()

    def __len__(self) -> int:
        return len(self.item_index)


def content_features(blocks: Sequence[Block], encoded: Encoded) -> tuple[Feature, ...]:
    """The features of items, without words: with as many ratings as titles have words they teach noise."""
    found = []
    for block in blocks:
        if block.spec.kind != TEXT:
            splits, places, weights = block_lists(encoded, block)
            values = Lists(row_splits=splits, values=places)
            found.append(Feature(name=block.spec.name, size=block.size, values=values, weights=weights))
    return tuple(found)
