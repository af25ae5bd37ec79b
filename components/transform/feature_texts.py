"""Features of users as a request says them: texts such as `country=DE`, read within the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from components.feature_specs import USER, FeatureSpec
from components.transform.content import Content, Encoded
from components.transform.graph import by_name, raw_features

_NUMBER = r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?\s*"


class FeatureTexts(tf.Module):  # type: ignore[misc]
    """Reads features of users from texts, or from Examples.

    Args:
      specs: The features.
      content: Of them.
      layer: The transform graph as a layer.
    """

    def __init__(self, specs: Sequence[FeatureSpec], content: Content, layer: Any) -> None:
        super().__init__(name="feature_texts")
        self._specs = tuple(specs)
        self._content = content
        self._layer = layer

    def __call__(self, texts: Any) -> tuple[Encoded, Any]:
        """Content of `B` users, and for each whether any text names a feature, bool `[B]`.

        A feature is named as often as it has values; a value that is unknown, or no number where one is due, counts as
        missing.

        Args:
          texts: string `[B, U]`, `name=value`, "" anywhere.
        """
        raw = {}
        named = [self._named(texts, spec) for spec in self._specs]
        given = tf.reduce_any(tf.stack(named), axis=[0, 2])
        for spec, here in zip(self._specs, named, strict=True):
            values = tf.ragged.boolean_mask(texts, here)  # substr fails on texts that are shorter than a prefix
            values = values.with_flat_values(tf.strings.substr(values.flat_values, len(spec.name) + 1, 1 << 20))
            raw[spec.raw] = (_numbers(values) if spec.is_float else values).to_sparse()
        return self._encoded(raw, tf.shape(texts, tf.int64)[0]), given

    def of_examples(self, examples: Any) -> tuple[Encoded, Any]:
        """Content of `B` users as serialized Examples, string `[B]`, and whether each has a feature, bool `[B]`."""
        found = raw_features(examples, self._specs, USER)
        raw = {spec.raw: found[spec.raw] for spec in self._specs}
        counts = [tf.sparse.reduce_sum(_ones(values), axis=1) for values in raw.values()]
        return self._encoded(raw, tf.size(examples, tf.int64)), tf.add_n(counts) > 0

    def _encoded(self, raw: dict[str, Any], rows: Any) -> Encoded:
        return self._content(by_name(self._layer(raw), self._specs), rows)

    def _named(self, texts: Any, spec: FeatureSpec) -> Any:
        prefix = f"{spec.name}="
        return tf.equal(tf.strings.substr(texts, 0, len(prefix)), prefix)


def _numbers(texts: Any) -> Any:
    """Numbers of texts, RaggedTensor `[B, None]`; several with blanks or commas between; what is none is left out."""
    parts = tf.strings.split(tf.strings.regex_replace(texts.flat_values, r"[,\s\[\]]+", " "))
    parts = texts.with_flat_values(parts).merge_dims(1, 2)
    parts = tf.ragged.boolean_mask(
        parts, parts.with_flat_values(tf.strings.regex_full_match(parts.flat_values, _NUMBER))
    )
    return parts.with_flat_values(tf.strings.to_number(parts.flat_values))


def _ones(values: Any) -> Any:
    return tf.SparseTensor(values.indices, tf.ones_like(values.indices[:, 0]), values.dense_shape)
