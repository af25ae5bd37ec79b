"""What the transform graph makes of an item or a user: the index of its id, and indices or numbers of its features.

Items and users are analysed, weighted by their rows. A value that none of them has, or one without any row, gets the
index behind the vocabulary.

Ids are text and keep every byte: spaces, any UTF-8. The vocabularies are text files, so an id that
is empty or holds a line break could not come back; ingestion refuses such ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from components import features
from components.feature_specs import (
    CATEGORIES,
    CATEGORY,
    ITEM,
    NUMBER,
    TEXT,
    USER,
    VECTOR,
    YEAR,
    FeatureSpec,
    of,
    specs_from_json,
)

SPECS = "features"  # key of custom_config: FeatureSpecs as JSON

# The year in round brackets at the end of a title; of a range, 2006–2007 or 2006–, its first year.
_YEAR = r"\s*\((\d{4})(?:[-–—](?:\d{4})?)?\)\s*$"
FIRST_YEAR = 1900
YEARS_PER_ERA = 5
ERAS = 32  # 0 = the text names no year, 1 = before 1905, ..., the last one is open


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Turns a batch of raw features into what the models read.

    Args:
      inputs: SparseTensors `[batch, any]`: user_id, item_id (a user has no item and an item no user), rows (int64, one
        a row) and the columns of the features: strings, or float32 of a number or a vector.
      custom_config: `{"features": "<FeatureSpecs as JSON>"}`.

    Returns:
      SparseTensors: user_index and item_index (int64, at most one a row), and for each feature what _KINDS says.
    """
    rows = _single(inputs[features.ROWS], 0)
    transformed = {
        features.USER_INDEX: _indices(inputs[features.USER_ID], rows, features.USER_VOCABULARY),
        features.ITEM_INDEX: _indices(inputs[features.ITEM_ID], rows, features.ITEM_VOCABULARY),
    }
    specs = specs_from_json(custom_config[SPECS])
    for spec in (*of(specs, ITEM), *of(specs, USER)):
        transformed[spec.transformed] = _KINDS[spec.kind](inputs[spec.raw], rows, spec)
    return transformed


def era_of(titles: tf.Tensor) -> tf.Tensor:
    """Five years of each text's year, strings `[batch]` -> int64 `[batch]`, below ERAS; 0 where there is none."""
    years = year_of(titles)
    eras = tf.clip_by_value((years - FIRST_YEAR) // YEARS_PER_ERA, 0, ERAS - 2) + 1
    return tf.where(years > 0, eras, tf.zeros_like(years))


def year_of(titles: tf.Tensor) -> tf.Tensor:
    """The year at the end of each title, `[batch]` strings -> `[batch]` int64; 0 where there is none."""
    dated = tf.strings.regex_full_match(titles, r"(?s).*" + _YEAR)
    years = tf.strings.regex_replace(titles, r"(?s)^.*" + _YEAR, r"\1")
    return tf.strings.to_number(tf.where(dated, years, "0"), tf.int64)


def title_words(titles: tf.Tensor) -> tf.SparseTensor:
    """Lower-case words of each title without its year, `[batch]` strings -> SparseTensor `[batch, words]`.

    A word is a run of letters, marks and digits of any script; apostrophes inside it fall away.
    """
    text = tf.strings.regex_replace(titles, _YEAR, "")
    text = tf.strings.regex_replace(tf.strings.lower(text, encoding="utf-8"), r"['’]", "")
    text = tf.strings.regex_replace(text, r"[^\pL\pM\pN]+", " ")
    return tf.strings.split(text).to_sparse()


def _of_values(values: tf.SparseTensor, rows: tf.Tensor, spec: FeatureSpec) -> Any:
    """Indices of the vocabulary, int64, one for each value."""
    return _indices(values, rows, spec.key, top_k=spec.most, frequency_threshold=spec.min_rows)


def _of_words(values: tf.SparseTensor, rows: tf.Tensor, spec: FeatureSpec) -> Any:
    """Indices of the words of the first text of a row, int64, in their order."""
    return _of_values(title_words(_single(values, "")), rows, spec)


def _of_years(values: tf.SparseTensor, rows: tf.Tensor, spec: FeatureSpec) -> Any:
    """The five years of each text, int64."""
    del rows, spec
    return tf.SparseTensor(values.indices, era_of(values.values), values.dense_shape)


def _of_numbers(values: tf.SparseTensor, rows: tf.Tensor, spec: FeatureSpec) -> Any:
    """The bucket of each number, int64, below `spec.buckets`: quantiles over the entities that have one."""
    del rows
    return tft.bucketize(values, spec.buckets)


def _as_it_is(values: tf.SparseTensor, rows: tf.Tensor, spec: FeatureSpec) -> Any:
    """The numbers of a vector, float32."""
    del rows, spec
    return values


_KINDS: dict[str, Callable[[tf.SparseTensor, tf.Tensor, FeatureSpec], Any]] = {
    CATEGORY: _of_values,
    CATEGORIES: _of_values,
    TEXT: _of_words,
    YEAR: _of_years,
    NUMBER: _of_numbers,
    VECTOR: _as_it_is,
}


def _indices(values: tf.SparseTensor, rows: tf.Tensor, vocabulary: str, **limits: int) -> Any:
    """Indices by falling number of rows; the vocabulary's size for an unknown value, or one without rows.

    Args:
      values: Strings `[batch, any]`.
      rows: int64 `[batch]`, how much each example's values count.
      vocabulary: Name of the vocabulary's file.
      limits: Of `tft.compute_and_apply_vocabulary`.
    """
    return tft.compute_and_apply_vocabulary(
        values,
        vocab_filename=vocabulary,
        num_oov_buckets=1,
        weights=tf.gather(rows, values.indices[:, 0]),
        **{"frequency_threshold": 1, **limits},
    )


def _single(values: tf.SparseTensor, default: Any) -> tf.Tensor:
    """The one value of each row, `[batch]`; `default` where it has none."""
    wide = tf.SparseTensor(values.indices, values.values, tf.stack([values.dense_shape[0], tf.constant(1, tf.int64)]))
    return tf.sparse.to_dense(wide, default)[:, 0]
