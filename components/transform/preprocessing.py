"""What the transform graph makes of an item or a user: indices of ids, genres and title words, and the year.

Items and users are analysed, weighted by their rows. A value that none of them has, or one without any row, gets the
index behind the vocabulary.

Ids are text and keep every byte: spaces, any UTF-8. The vocabularies are text files, so an id that
is empty or holds a line break could not come back; ingestion refuses such ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from components import features
from components.settings import from_json
from components.transform.config import TransformConfig

CONFIG = "config"  # key of custom_config: a TransformConfig as JSON

# The year in round brackets at the end of a title; of a range, 2006–2007 or 2006–, its first year.
_YEAR = r"\s*\((\d{4})(?:[-–—](?:\d{4})?)?\)\s*$"


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, Any]) -> dict[str, Any]:
    """Turns a batch of raw features into what the models read.

    Args:
      inputs: SparseTensors `[batch, any]`: user_id, movie_id, movie_title (at most one a row; a user has no movie and
        a movie no user), movie_genres (strings), rows (int64, one a row).
      custom_config: `{"config": "<TransformConfig as JSON>"}`.

    Returns:
      SparseTensors int64: user_index, movie_index and movie_year (at most one a row), movie_genre_indices and
      movie_title_word_indices.
    """
    config = from_json(TransformConfig, custom_config[CONFIG])
    rows = _single(inputs[features.ROWS], 0)
    title = inputs[features.MOVIE_TITLE]
    titled = _single(title, "")
    return {
        features.USER_INDEX: _indices(inputs[features.USER_ID], rows, features.USER_VOCABULARY),
        features.MOVIE_INDEX: _indices(inputs[features.MOVIE_ID], rows, features.MOVIE_VOCABULARY),
        features.MOVIE_YEAR: tf.SparseTensor(title.indices, year_of(title.values), title.dense_shape),
        features.MOVIE_GENRE_INDICES: _indices(inputs[features.MOVIE_GENRES], rows, features.GENRE_VOCABULARY),
        features.MOVIE_TITLE_WORD_INDICES: _indices(
            title_words(titled),
            rows,
            features.TITLE_WORD_VOCABULARY,
            top_k=config.title_words,
            frequency_threshold=config.title_word_min_rows,
        ),
    }


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
