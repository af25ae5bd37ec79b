"""Settings of the vocabularies."""

from __future__ import annotations

import dataclasses

from components.settings import require


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformConfig:
    """Settings of the transform graph.

    Attributes:
      title_words: Most frequent title words that get a vector.
      title_word_min_rows: Training rows in which a title word must occur to be in the vocabulary.
    """

    title_words: int = 5_000
    title_word_min_rows: int = 3

    def __post_init__(self) -> None:
        require(self.title_words >= 1, "transform.title_words", "1 or more", self.title_words)
        require(self.title_word_min_rows >= 1, "transform.title_word_min_rows", "1 or more", self.title_word_min_rows)
