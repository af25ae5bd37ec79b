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
        self.content = content
        self._layer = layer

    def __call__(self, texts: Any) -> Encoded:
        """Content of `B` users.

        A feature is named as often as it has values; a value that is unknown, or no number where one is due, counts as
        missing.

        Args:
          texts: string `[B, U]`, `name=value`, "" anywhere.
        """
        raw = {}
        for spec in self._specs:
            # Masked first: substr fails on texts that are shorter than the prefix.
            values = tf.ragged.boolean_mask(texts, names_value(texts, spec.name))
            values = values.with_flat_values(tf.strings.substr(values.flat_values, len(spec.name) + 1, 1 << 20))
            raw[spec.raw] = (_numbers(values) if spec.is_float else values).to_sparse()
        return self._encoded(raw, tf.shape(texts, tf.int64)[0])

    def of_examples(self, examples: Any) -> Encoded:
        """Content of `B` users as serialized Examples, string `[B]`."""
        return self._encoded(raw_features(examples, self._specs, USER), tf.size(examples, tf.int64))

    def _encoded(self, raw: dict[str, Any], rows: Any) -> Encoded:
        return self.content(by_name(self._layer(raw), self._specs), rows)


def names_value(texts: Any, name: str) -> Any:
    """Which texts are `name=` and a value; `name=` alone says nothing."""
    prefix = f"{name}="
    return tf.equal(tf.strings.substr(texts, 0, len(prefix)), prefix) & (tf.strings.length(texts) > len(prefix))


def _numbers(texts: Any) -> Any:
    """Numbers of texts, RaggedTensor `[B, None]`; several with blanks or commas between; what is none is left out."""
    parts = tf.strings.split(tf.strings.regex_replace(texts.flat_values, r"[,\s\[\]]+", " "))
    parts = texts.with_flat_values(parts).merge_dims(1, 2)
    parts = tf.ragged.boolean_mask(
        parts, parts.with_flat_values(tf.strings.regex_full_match(parts.flat_values, _NUMBER))
    )
    numbers = parts.with_flat_values(tf.strings.to_number(parts.flat_values))
    return tf.ragged.boolean_mask(numbers, numbers.with_flat_values(tf.math.is_finite(numbers.flat_values)))
