"""The transform graph outside of Beam: indices of users and items, features, vocabularies.

Trainers, index and bundle ask here, so that one place knows how raw features become indices.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from components import features
from components.examples import Catalogue, Strings
from components.feature_specs import CATEGORIES, CATEGORY, ITEM, NUMBER, TEXT, USER, VECTOR, FeatureSpec, of
from components.ragged import Lists
from components.transform.preprocessing import ERAS

BATCH = 4096

Longs = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class EntityFeatures:
    """What the graph makes of items or users, in their order.

    Attributes:
      index: int64, `[n]`; the vocabulary's size stands for one without any row.
      values: A list for each of them, by the name of the feature: indices (the vocabulary's size stands for an unknown
        value), an era, a bucket, or the numbers of a vector.
    """

    index: Longs
    values: dict[str, Lists]

    def __len__(self) -> int:
        return len(self.index)


class TransformGraph:
    """Reads the `transform_graph` artifact at `uri`.

    Args:
      uri: `fn_args.transform_output` of a trainer, or the artifact's URI.
      specs: The features that the data have.
    """

    def __init__(self, uri: str, specs: Iterable[FeatureSpec]) -> None:
        self._output = tft.TFTransformOutput(uri)
        self.specs = tuple(specs)

    @functools.cached_property
    def layer(self) -> Any:
        """The graph as a module, to be kept as an attribute of another one that is saved.

        Takes any subset of the raw features as SparseTensors `[batch, any]` (`raw_features` parses them, `column` makes
        one of single values) and returns what follows from it.
        """
        return _Layer(self._output.transform_features_layer())

    def vocabulary(self, name: str) -> list[bytes]:
        """Values of a vocabulary (features.*_VOCABULARY, or the key of a feature); a position is an index.

        Where no row has a value, Transform writes one made-up value that nothing equals.
        """
        return list(self._output.vocabulary_by_name(name))

    @functools.cached_property
    def users(self) -> int:
        """Number of known users; as an index it stands for every unknown one."""
        return len(self.vocabulary(features.USER_VOCABULARY))

    @functools.cached_property
    def items(self) -> int:
        """Number of known items; as an index it stands for every unknown one."""
        return len(self.vocabulary(features.ITEM_VOCABULARY))

    def size(self, spec: FeatureSpec) -> int:
        """Number of different values that a feature has, without the unknown one."""
        if spec.kind in (CATEGORY, CATEGORIES, TEXT):
            return len(self.vocabulary(spec.key))
        return {NUMBER: spec.buckets, VECTOR: spec.dimensions}.get(spec.kind, ERAS)

    def index_users(self, ids: Strings) -> Longs:
        """Indices of users, `[users]` bytes -> `[users]` int64; the vocabulary's size for an unknown one."""
        parts = [
            self.layer({features.USER_ID: column(tf.constant(list(ids[start : start + BATCH]), tf.string))})
            for start in range(0, len(ids), BATCH)
        ]
        index: Longs = _joined([part[features.USER_INDEX].values.numpy() for part in parts], np.int64)
        return index

    def catalogue_features(self, catalogue: Catalogue) -> EntityFeatures:
        """Indices and features of all items."""
        return self._features(ITEM, features.ITEM_INDEX, catalogue.as_examples())

    def user_features(self, examples: Strings) -> EntityFeatures:
        """Indices and features of users, given as serialized Examples."""
        return self._features(USER, features.USER_INDEX, examples)

    def _features(self, entity: str, index: str, examples: Strings) -> EntityFeatures:
        unknown = {ITEM: self.items, USER: self.users}[entity]
        parts = [
            self.layer(raw_features(tf.constant(list(examples[start : start + BATCH]), tf.string), self.specs, entity))
            for start in range(0, max(1, len(examples)), BATCH)
        ]
        return EntityFeatures(
            index=_joined([_singles(part[index], unknown) for part in parts], np.int64),
            values={spec.name: _ragged([part[spec.transformed] for part in parts]) for spec in of(self.specs, entity)},
        )


def raw_features(examples: Any, specs: Iterable[FeatureSpec], entity: str) -> dict[str, Any]:
    """What the graph takes, from serialized Examples of an entity, string `[batch]`."""
    ids = {ITEM: features.ITEM_ID, USER: features.USER_ID}[entity]
    parsing = {spec.raw: tf.io.VarLenFeature(tf.float32 if spec.is_float else tf.string) for spec in of(specs, entity)}
    return cast("dict[str, Any]", tf.io.parse_example(examples, {ids: tf.io.VarLenFeature(tf.string), **parsing}))


def by_name(transformed: Mapping[str, Any], specs: Iterable[FeatureSpec]) -> dict[str, Any]:
    """What the graph made of one entity's features, as RaggedTensors `[batch, None]` by the name of the feature."""
    return {spec.name: tf.RaggedTensor.from_sparse(transformed[spec.transformed]) for spec in specs}


class _Layer(tf.Module):  # type: ignore[misc]
    """The graph's Keras layer where TensorFlow's object tracking sees its tables and not the layer.

    A layer would be saved the Keras way: seconds of tracing, and functions that nobody calls in every model.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self._apply = layer.call
        self._tables = layer._saved_model_loader_tracked_dict["_imported"]

    def __call__(self, raw: Mapping[str, Any]) -> Any:
        return self._apply(raw)


def column(values: tf.Tensor) -> tf.SparseTensor:
    """Makes the graph's input of single values: `[batch]` -> SparseTensor `[batch, 1]`, also of empty texts."""
    rows = tf.range(tf.size(values, tf.int64))
    return tf.SparseTensor(
        tf.stack([rows, tf.zeros_like(rows)], axis=1), values, tf.stack([tf.size(values, tf.int64), 1])
    )


def _singles(indices: tf.SparseTensor, unknown: int) -> Longs:
    """The one index of each row, `[batch]`; `unknown` where it has none."""
    found = np.full(indices.dense_shape.numpy()[0], unknown, np.int64)
    found[indices.indices.numpy()[:, 0]] = indices.values.numpy()
    return found


def _joined(parts: list[Any], dtype: Any) -> Any:
    return np.concatenate([np.zeros(0, dtype), *parts])


def _ragged(parts: list[tf.SparseTensor]) -> Lists:
    lengths = [np.bincount(part.indices.numpy()[:, 0], minlength=part.dense_shape.numpy()[0]) for part in parts]
    return Lists(
        values=_joined([part.values.numpy() for part in parts], parts[0].values.numpy().dtype),
        row_splits=np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths])),
    )
