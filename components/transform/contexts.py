"""The context of an interaction: what is known of the moment in which one asks, as positions of content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.context_codes import DAY_SECONDS, FIRST_WEEKDAY, HOUR_SECONDS, HOURS, MISSING, WEEKDAYS, values_of
from components.feature_specs import CATEGORY, HOUR, FeatureSpec
from components.transform.content import blocks_of
from components.transform.feature_texts import names_value


class Contexts(tf.Module):  # type: ignore[misc]
    """The features of contexts.

    Args:
      specs: The features.
      first: The first position that they take.

    Attributes:
      size: Number of their positions.
    """

    def __init__(self, specs: Sequence[FeatureSpec], first: int) -> None:
        super().__init__(name="contexts")
        self.specs = tuple(specs)
        known = {spec.name: len(values_of(spec)) for spec in specs}
        blocks = blocks_of(specs, known, {}, first)
        self.size = sum(block.size for block in blocks)
        self._starts = np.array([block.start for block in blocks], np.int32)
        self._missing = np.array([block.missing for block in blocks], np.int32)
        texts = [f"{spec.name}={value}" for spec in specs for value in values_of(spec)]
        codes = [code for spec in specs for code in range(len(values_of(spec)))]
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(texts or ["="], tf.string), tf.constant(codes or [MISSING], tf.int32)
            ),
            MISSING,
        )

    def positions(self, codes: Any) -> Any:
        """Positions int32 `[B, K]` of codes int32 `[B, K]`."""
        return tf.where(codes == MISSING, self._missing, self._starts + codes)

    def read(self, texts: Any) -> tuple[Any, Any]:
        """Codes int32 `[B, K]` of texts such as `hour=13`, string `[B, C]`, and whether any value is known, `[B]`."""
        codes = [tf.zeros([tf.shape(texts)[0], 0], tf.int32)]
        padded = tf.pad(texts, [[0, 0], [0, 1]], constant_values="")  # the largest of no numbers is the lowest there is
        for spec in self.specs:
            found = tf.where(names_value(padded, spec.name), self._table.lookup(padded), MISSING)
            codes.append(tf.reduce_max(found, axis=1, keepdims=True))
        found = tf.concat(codes, axis=1)
        return found, tf.reduce_any(tf.not_equal(found, MISSING), axis=1)

    def of_rows(self, timestamps: Any, columns: Mapping[str, Any]) -> Any:
        """Texts string `[B, K]` of held-out rows: Unix seconds int64 `[B]`, and the column of each category, `[B]`."""
        texts = []
        for spec in self.specs:
            if spec.kind == CATEGORY:
                value = columns[spec.raw]
            elif spec.kind == HOUR:
                value = tf.strings.as_string(timestamps // HOUR_SECONDS % HOURS)
            else:
                value = tf.gather(tf.constant(WEEKDAYS), (timestamps // DAY_SECONDS + FIRST_WEEKDAY) % len(WEEKDAYS))
            known = tf.ones_like(timestamps, tf.bool) if spec.kind == CATEGORY else timestamps > 0
            texts.append(tf.where(known, tf.strings.join([f"{spec.name}=", value]), ""))
        return tf.stack(texts, axis=1) if texts else tf.fill([tf.size(timestamps), 0], "")
