"""What the transform graph makes of a row: indices of ids, genres and title words, and the year.

Only the training rows are analysed. A value that they lack gets the index behind the vocabulary.

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
      inputs: user_id, movie_id, movie_title (strings, `[batch]`), movie_genres (strings, SparseTensor
        `[batch, genres]`), rating (float32, `[batch]`).
      custom_config: `{"config": "<TransformConfig as JSON>"}`.

    Returns:
      user_index, movie_index, movie_year (int64, `[batch]`), movie_genre_indices and
      movie_title_word_indices (int64, SparseTensors), rating (float32, `[batch]`).
    """
    config = from_json(TransformConfig, custom_config[CONFIG])
    movie_id, title = inputs[features.MOVIE_ID], inputs[features.MOVIE_TITLE]
    _count(movie_id)
    return {
        features.USER_INDEX: _indices(inputs[features.USER_ID], features.USER_VOCABULARY),
        features.MOVIE_INDEX: _indices(movie_id, features.MOVIE_VOCABULARY),
        features.MOVIE_YEAR: year_of(title),
        features.MOVIE_GENRE_INDICES: _indices(inputs[features.MOVIE_GENRES], features.GENRE_VOCABULARY),
        features.MOVIE_TITLE_WORD_INDICES: _indices(
            title_words(title),
            features.TITLE_WORD_VOCABULARY,
            top_k=config.title_words,
            frequency_threshold=config.title_word_min_rows,
        ),
        features.RATING: tf.identity(inputs[features.RATING]),
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


def _indices(values: Any, vocabulary: str, **limits: int) -> Any:
    """Indices by falling frequency; the vocabulary's size for an unknown value."""
    return tft.compute_and_apply_vocabulary(
        values, vocab_filename=vocabulary, num_oov_buckets=1, weights=_ones(values), **limits
    )


def _count(movie_id: tf.Tensor) -> None:
    """Writes the asset that counts the training rows of each movie."""
    tft.vocabulary(movie_id, vocab_filename=features.MOVIE_FREQUENCY, store_frequency=True, weights=_ones(movie_id))


def _ones(values: Any) -> tf.Tensor:
    """A weight of 1 each: TensorFlow then counts a batch before Beam counts the batches, far fewer elements."""
    flat = values.values if isinstance(values, tf.SparseTensor) else values
    return tf.ones_like(flat, tf.int64)
