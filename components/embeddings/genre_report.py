"""`genres.json`: what the vectors of a catalogue's items tell about their genres.

The vectors of the served model cannot be asked that: where the candidate tower was told the genres, the
answer is in the question. Nor can their id part: it was trained beside the genres' vectors, which took
over what the items of a genre have in common (docs/embeddings.md has figures). So the classifier sees
vectors made from the interactions alone, unless the model was told neither genres nor titles.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from components.embeddings.collaborative import collaborative_vectors
from components.embeddings.config import EmbeddingsConfig
from components.embeddings.genre_classifier import baselines, classify, frequent_genres
from components.embeddings.item_vectors import ItemVectors
from components.examples import Catalogue, Floats, Longs, RaggedRows

COLLABORATIVE, MODEL = "collaborative", "model"
"""The vectors that are classified: of the interactions alone, or the model's own."""


def classified_rows(counts: Longs, catalogue: Catalogue, config: EmbeddingsConfig) -> Longs:
    """Catalogue rows of the items that are classified, ascending; arguments as of `genre_report`."""
    has_genres = np.array([bool(genres) for genres in catalogue.genres], bool)
    eligible = np.flatnonzero((counts >= config.genre_rows) & has_genres)
    return np.sort(eligible[np.argsort(-counts[eligible], kind="stable")][: config.genre_items])


def genre_report(
    vectors: ItemVectors, lists: RaggedRows, counts: Longs, catalogue: Catalogue, config: EmbeddingsConfig
) -> dict[str, Any]:
    """The content of `genres.json`.

    Items without a genre are left out: what is not known of them is no "no". So are items with fewer than
    `config.genre_rows` rows.

    Args:
      vectors: Of `classified_rows` at least.
      lists: Catalogue rows of each user.
      counts: Rows of each item, int64 `[N]`.
      catalogue: All `N` items.
      config: Settings.

    Returns:
      `vectors` (`collaborative` or `model`), `dimensions`, `items` (classified), `folds`, `genres` (a list,
      those with the most items first, each `genre`, `items`, the fields of GenreScores and GenreBaselines, and
      `whole_…`, the scores of the served vectors, None where those are what is classified), `macro` (the means of
      the same figures over these genres, each genre counting once; None without a genre) and `left_out`
      (a list of `genre` and `items`).
    """
    chosen = classified_rows(counts, catalogue, config)
    names = [sorted({genre.decode() for genre in catalogue.genres[row]}) for row in chosen]
    kept, left_out = frequent_genres(names, config.genre_least)
    seen, whole = np.zeros((0, 0), np.float32), None
    if kept:
        seen, whole = _classified(vectors, lists, len(catalogue), chosen, config)
    if not seen.shape[1]:
        left_out, kept = dict(sorted({**left_out, **_count(names, kept)}.items(), key=_most_first)), []
    entries = [_entry(name, np.array([name in of_item for of_item in names]), seen, whole, config) for name in kept]
    return {
        "vectors": COLLABORATIVE if vectors.told_content else MODEL,
        "dimensions": int(seen.shape[1]),
        "items": len(chosen),
        "folds": config.folds,
        "genres": entries,
        "macro": _macro(entries),
        "left_out": [{"genre": genre, "items": items} for genre, items in left_out.items()],
    }


def _classified(
    vectors: ItemVectors, lists: RaggedRows, items: int, chosen: Longs, config: EmbeddingsConfig
) -> tuple[Floats, Floats | None]:
    """What is classified, and the served vectors where they are something else; of as many dimensions at most."""
    served = _reduced(vectors.tastes(chosen), config)
    if not vectors.told_content:
        return served, None
    collaborative = collaborative_vectors(lists, items, config.dimensions, config.seed)
    return collaborative[chosen], served


def _reduced(vectors: Floats, config: EmbeddingsConfig) -> Floats:
    from sklearn.decomposition import PCA

    columns = min(config.dimensions, *vectors.shape)
    reduced: Floats = PCA(columns, random_state=config.seed).fit_transform(vectors).astype(np.float32)
    return reduced


def _entry(name: str, has_genre: Any, seen: Floats, whole: Floats | None, config: EmbeddingsConfig) -> dict[str, Any]:
    def scored(vectors: Floats) -> dict[str, float]:
        folds, strength = config.folds, config.regularization
        return dataclasses.asdict(classify(vectors, has_genre, folds=folds, regularization=strength, seed=config.seed))

    scores = scored(seen)
    if whole is None:
        of_whole: dict[str, float | None] = dict.fromkeys((f"whole_{score}" for score in scores), None)
    else:
        of_whole = {f"whole_{score}": value for score, value in scored(whole).items()}
    return {
        "genre": name,
        "items": int(has_genre.sum()),
        **scores,
        **dataclasses.asdict(baselines(float(has_genre.mean()))),
        **of_whole,
    }


def _macro(entries: list[dict[str, Any]]) -> dict[str, float | None] | None:
    if not entries:
        return None
    figures = [name for name in entries[0] if name not in ("genre", "items")]
    return {
        name: None if entries[0][name] is None else float(np.mean([entry[name] for entry in entries]))
        for name in figures
    }


def _count(names: list[list[str]], genres: list[str]) -> dict[str, int]:
    return {genre: sum(genre in of_item for of_item in names) for genre in genres}


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
