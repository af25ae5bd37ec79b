"""The features of an item or a user as one list of positions with weights, whatever they are.

Every feature has a block of positions of its own; both models read the whole list, so no feature has code of its own
in either. The same TensorFlow function makes it for the whole catalogue in training and for any item or user in the
exported signatures, so they cannot drift apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.examples import Ints
from components.feature_specs import CATEGORIES, CATEGORY, HOUR, NUMBER, TEXT, VECTOR, WEEKDAY, YEAR, FeatureSpec
from components.ragged import Lists
from components.transform.graph import EntityFeatures, TransformGraph

MIN_ENTITIES = 3  # a word of fewer titles would be another id
NONE = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """The positions of one feature: `start` to `start + size`.

    Attributes:
      spec: The feature.
      start: Its first position.
      size: Number of its positions: one more than known values where an unknown or missing one has a position.
      missing: The position of an unknown or missing value of a feature that has at most one; NONE where a feature that
        has no value has no position either.
      words: Of a text, int32 `[vocabulary + 1]`: the place of each word within the block, NONE = none.
    """

    spec: FeatureSpec
    start: int
    size: int
    missing: int = NONE
    words: Ints | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True)
class Encoded:
    """The content of `n` items or users.

    Attributes:
      positions: int32 RaggedTensor `[n, None]`.
      weights: float32 RaggedTensor `[n, None]`: 1 / sqrt(number of values of the same feature); of a vector its
        numbers divided by its length.
      size: Number of positions there are.
    """

    positions: Any
    weights: Any
    size: int

    def matrix(self) -> Any:
        """The weights as a SparseTensor `[n, size]`: times a table it gives content vectors.

        The product is four times as fast as gathering the vectors and adding them up.
        """
        indices = tf.stack([self.positions.value_rowids(), tf.cast(self.positions.flat_values, tf.int64)], axis=1)
        rows = self.positions.nrows(tf.int64)
        return tf.SparseTensor(indices, self.weights.flat_values, tf.stack([rows, tf.constant(self.size, tf.int64)]))

    def select(self, rows: Any) -> Encoded:
        """Those at `rows` (int32 `[m]`)."""
        return Encoded(tf.gather(self.positions, rows), tf.gather(self.weights, rows), self.size)

    def padded(self) -> tuple[Any, Any]:
        """Positions int32 and weights float32 `[n, longest]`, NONE and 0 behind."""
        return self.positions.to_tensor(NONE), self.weights.to_tensor(0.0)


def as_matrix(positions: Any, weights: Any, size: int) -> Any:
    """Padded content as a SparseTensor `[n, size]`.

    Args:
      positions: int32 `[n, P]`; what is not from 0 to below `size` is padding.
      weights: float32 `[n, P]`.
      size: Number of positions there are.
    """
    there = tf.where((positions >= 0) & (positions < size))
    indices = tf.stack([there[:, 0], tf.cast(tf.gather_nd(positions, there), tf.int64)], axis=1)
    shape = tf.stack([tf.shape(positions, tf.int64)[0], tf.constant(size, tf.int64)])
    return tf.SparseTensor(indices, tf.gather_nd(weights, there), shape)


class Content(tf.Module):  # type: ignore[misc]
    """Maps transformed features to content.

    Args:
      specs: Features of one entity, in their order.
      sizes: Known values of each, by name.
      words: By name of a text, int32 `[vocabulary + 1]`: the place of each word within the block, NONE = none.
    """

    def __init__(self, specs: Sequence[FeatureSpec], sizes: Mapping[str, int], words: Mapping[str, Ints]) -> None:
        super().__init__(name="content")
        self.blocks = blocks_of(specs, sizes, words)
        self.size = sum(block.size for block in self.blocks)
        self.blocks = tuple(
            dataclasses.replace(block, words=words.get(block.spec.name)) if block.spec.kind == TEXT else block
            for block in self.blocks
        )
        self._words = {name: tf.constant(places, tf.int32) for name, places in words.items()}

    def __call__(self, values: Mapping[str, Any], rows: Any) -> Encoded:
        """Encodes `n` entities.

        Args:
          values: RaggedTensors `[n, None]` by the name of the feature, as the transform graph makes them.
          rows: `n`, int64 scalar.
        """
        parts = [self._part(block, values[block.spec.name]) for block in self.blocks]
        if not parts:
            nothing = tf.zeros([rows, 0], tf.int32)
            parts = [(tf.RaggedTensor.from_tensor(nothing), tf.RaggedTensor.from_tensor(tf.cast(nothing, tf.float32)))]
        positions, weights = (tf.concat(list(part), axis=1) for part in zip(*parts, strict=True))
        return Encoded(positions, weights, self.size)

    def of(self, entities: EntityFeatures) -> Encoded:
        """Encodes items or users, in their order."""
        values = {name: lists.as_tensor() for name, lists in entities.values.items()}
        return self(values, tf.constant(len(entities), tf.int64))

    def hidden(self, encoded: Encoded, share: float, *, optional_only: bool) -> Encoded:
        """The same with a share of the features of each row missing, drawn anew at every call.

        Args:
          encoded: Of this content.
          share: Of the rows and features that are hidden.
          optional_only: Whether only features whose missing value has a position of its own are hidden.
        """
        if not self.blocks:
            return encoded
        feature_of, missing_of = self.tables()
        draw = tf.random.uniform([encoded.positions.nrows(tf.int64), len(self.blocks)]) < share
        place = tf.stack(
            [
                encoded.positions.value_rowids(),
                tf.gather(tf.constant(feature_of, tf.int64), encoded.positions.flat_values),
            ],
            axis=1,
        )
        missing = tf.gather(tf.constant(missing_of), encoded.positions.flat_values)
        hidden = tf.gather_nd(draw, place)
        if optional_only:
            hidden &= missing != NONE
        positions = tf.where(hidden & (missing != NONE), missing, encoded.positions.flat_values)
        weights = tf.where(hidden & (missing == NONE), 0.0, encoded.weights.flat_values)
        return Encoded(
            encoded.positions.with_flat_values(positions), encoded.weights.with_flat_values(weights), self.size
        )

    def told(self, encoded: Encoded) -> Any:
        """Whether any feature of each has a known value, bool `[n]`."""
        missing = tf.gather(tf.constant(self.tables()[1]), encoded.positions.flat_values)
        return tf.reduce_any(encoded.positions.with_flat_values(encoded.positions.flat_values != missing), axis=1)

    @property
    def has_optional(self) -> bool:
        """Whether any feature has a position for a missing value, other than a year."""
        return any(block.missing != NONE and block.spec.kind != YEAR for block in self.blocks)

    def tables(self) -> tuple[Ints, Ints]:
        """The feature of every position, and what stands for a missing value of it (NONE: nothing), `[size]` each."""
        sizes = [block.size for block in self.blocks]
        missing = [NONE if block.spec.kind == YEAR else block.missing for block in self.blocks]
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes), np.repeat(missing, sizes).astype(np.int32)

    def _part(self, block: Block, values: Any) -> tuple[Any, Any]:
        if block.spec.kind == VECTOR:
            return _vector(block, values)
        places = tf.cast(values, tf.int32)
        if block.spec.kind == TEXT:
            places = tf.gather(self._words[block.spec.name], places)
            places = tf.ragged.boolean_mask(places, places != NONE)
        if block.missing != NONE:
            first = places[:, :1].to_tensor(block.missing - block.start, shape=[None, 1])
            places = tf.RaggedTensor.from_tensor(first)
        return places + block.start, _inverse_root_of_length(places)


def position_names(blocks: Sequence[Block], graph: TransformGraph) -> list[bytes]:
    """What each position of some blocks side by side stands for: `item_brand=acme`, or `item_price#3` for the fourth.

    A value of a vocabulary keeps its name when the vocabulary grows; buckets of numbers go by their place.
    """
    names = []
    for block in blocks:
        of_block = [b"%s#%d" % (block.spec.key.encode(), place) for place in range(block.size)]
        if block.spec.kind in (CATEGORY, CATEGORIES, TEXT):
            vocabulary = graph.vocabulary(block.spec.key)
            places = range(len(vocabulary)) if block.words is None else block.words[: len(vocabulary)]
            for word, place in zip(vocabulary, places, strict=True):
                if place != NONE:
                    of_block[place] = b"%s=%s" % (block.spec.key.encode(), word)
            if block.words is None:
                of_block[len(vocabulary)] = b"%s is unknown" % block.spec.key.encode()
        names += of_block
    return names


def create_content(graph: TransformGraph, specs: Sequence[FeatureSpec], entities: EntityFeatures) -> Content:
    """The content of one entity's features, those of all of its items or users.

    Args:
      graph: Knows their vocabularies.
      specs: The features.
      entities: All items, or all users: they say which words are in so few texts that they have no vector.
    """
    sizes = {spec.name: graph.size(spec) for spec in specs}
    words = {spec.name: _places(entities.values[spec.name], sizes[spec.name]) for spec in specs if spec.kind == TEXT}
    return Content(specs, sizes, words)


def blocks_of(
    specs: Sequence[FeatureSpec], sizes: Mapping[str, int], words: Mapping[str, Ints], first: int = 0
) -> tuple[Block, ...]:
    """The blocks of features side by side, from the position `first` on."""
    blocks: list[Block] = []
    for spec in specs:
        start, known = (blocks[-1].start + blocks[-1].size if blocks else first), sizes[spec.name]
        size, missing = {
            CATEGORIES: (known + 1, NONE),
            **dict.fromkeys((CATEGORY, NUMBER, HOUR, WEEKDAY), (known + 1, start + known)),
            YEAR: (known, start),
            VECTOR: (known, NONE),
            TEXT: (int(words[spec.name].max(initial=NONE)) + 1 if spec.name in words else 0, NONE),
        }[spec.kind]
        blocks.append(Block(spec=spec, start=start, size=size, missing=missing))
    return tuple(blocks)


def _places(texts: Lists, known: int) -> Ints:
    """Places of words within their block: those in MIN_ENTITIES texts or more, in the order of the vocabulary."""
    owners = np.repeat(np.arange(len(texts)), np.diff(texts.row_splits))
    pairs = np.unique(owners * (known + 1) + texts.values)
    counts = np.bincount(pairs % (known + 1), minlength=known + 1)[:known]
    place = np.full(known + 1, NONE, np.int32)
    kept = np.flatnonzero(counts >= MIN_ENTITIES)
    place[kept] = np.arange(len(kept), dtype=np.int32)
    return place


def _vector(block: Block, values: Any) -> tuple[Any, Any]:
    """Its numbers divided by its length; a vector of another length than all others is none."""
    lengths = tf.gather(values.row_lengths(), values.value_rowids())
    kept = tf.ragged.boolean_mask(values, values.with_flat_values(lengths == block.size))
    norms = tf.sqrt(tf.reduce_sum(tf.square(kept), axis=1))
    weights = tf.math.divide_no_nan(kept.flat_values, tf.gather(norms, kept.value_rowids()))
    positions = tf.range(tf.size(kept.flat_values)) % max(1, block.size) + block.start
    return kept.with_flat_values(positions), kept.with_flat_values(weights)


def _inverse_root_of_length(ragged: Any) -> Any:
    lengths = tf.cast(tf.maximum(ragged.row_lengths(), 1), tf.float32)
    return ragged.with_flat_values(tf.gather(tf.math.rsqrt(lengths), ragged.value_rowids()))


def block_lists(encoded: Encoded, block: Block) -> tuple[npt.NDArray[np.int64], Ints, npt.NDArray[np.float32]]:
    """The part of one feature: splits int64 `[n + 1]`, places within the block int32 and weights `[total]`."""
    positions, weights = encoded.positions.flat_values.numpy(), encoded.weights.flat_values.numpy()
    within = (positions >= block.start) & (positions < block.start + block.size)
    owners = encoded.positions.value_rowids().numpy()[within]
    rows = int(encoded.positions.nrows())
    splits = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=rows))]).astype(np.int64)
    return splits, (positions[within] - block.start).astype(np.int32), weights[within]
