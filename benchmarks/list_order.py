"""What the order of the final list and its diversity do to the lists, on the eval split of a finished run.

    recommender run --preset movielens-latest-small
    python -m benchmarks list_order                    runs/movielens-latest-small
    python -m benchmarks list_order --run DIR --write  another run; puts the table into docs/results.md

The pushed bundle is put together anew for every setting, with exact search, and its signature
`evaluate` answers the eval rows, which carry what was known before them. Nothing is trained; the test
rows are not looked at. A list is the answer to a user's marked row, seen items left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_table import publish, table
from components.push.versions import newest, version_path

RUN = Path("runs") / "movielens-latest-small"
AT_ONCE = 512
SETTINGS: dict[str, dict[str, Any]] = {
    "relevance": {},
    "blend, .1 stars": {"order": "blend", "blend_weight": 0.1},
    "blend, .2 stars": {"order": "blend", "blend_weight": 0.2},
    "blend, .3 stars": {"order": "blend", "blend_weight": 0.3},
    "blend, .5 stars": {"order": "blend", "blend_weight": 0.5},
    "stars": {"order": "stars"},
    "relevance, diversity .1": {"diversity": 0.1},
    "relevance, diversity .2": {"diversity": 0.2},
    "relevance, diversity .3": {"diversity": 0.3},
    "relevance, diversity .5": {"diversity": 0.5},
}
HEADER = (
    "order",
    "NDCG@10",
    "NDCG@20",
    "recall@20",
    "MRR",
    "stars of hits@20",
    "distance@10",
    "genres@10",
    "coverage@10",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalRows:
    """The eval split.

    Attributes:
      serialized: tf.Examples, one marked row a user.
      held_out: For each of them, item id -> stars of all the user's eval rows.
    """

    serialized: list[bytes]
    held_out: list[dict[bytes, float]]


def main() -> None:
    """Judges every setting and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=RUN, help="folder of a finished run")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    text = report(arguments.run)
    print(text)
    if arguments.write:
        publish("list_order", text)


def report(run: Path) -> str:
    """A line for every setting."""
    from components.bundle.stock import read_parts, with_exact_index

    version = newest(run / "pushed_model")
    if version is None:
        raise SystemExit(f"{run} has pushed nothing: recommender run --preset movielens-latest-small")
    parts = read_parts(Path(version_path(run / "pushed_model", version)))
    rows, items = eval_rows(run), _Items(parts.loaded)
    lines = []
    for name, changes in SETTINGS.items():
        settings = dataclasses.replace(parts.settings, **{"order": "relevance", "diversity": 0.0, **changes})
        lists = list(answers(with_exact_index(parts, settings), rows.serialized))
        lines.append([name, *_figures(lists, rows.held_out, items)])
    legend = (
        f"{len(rows.serialized):,} users of the eval split; lists of {len(lists[0])} from {settings.rank_candidates} "
        "candidates. MRR within the list; stars of hits: mean rating that the users gave to the held-out items among "
        "their first 20; distance: 1 - mean cosine of the pairs of a list's vectors; genres: different ones in a list; "
        "coverage: share of the catalogue in at least one list."
    )
    return f"{legend}\n\n{table(HEADER, lines)}"


def eval_rows(run: Path) -> EvalRows:
    """Marked rows of the eval split, and what is held out of each user."""
    import tensorflow as tf

    folder = max((run / "artifacts" / "ExampleGen" / "examples").iterdir(), key=lambda path: int(path.name))
    files = [str(file) for file in sorted((folder / "Split-eval").iterdir())]
    marked: dict[bytes, bytes] = {}
    stars: dict[bytes, dict[bytes, float]] = {}
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        user, item = features["user_id"].bytes_list.value[0], features["item_id"].bytes_list.value[0]
        stars.setdefault(user, {})[item] = features["rating"].float_list.value[0]
        if features["held_out_item_ids"].bytes_list.value:
            marked[user] = record
    return EvalRows(serialized=list(marked.values()), held_out=[stars[user] for user in marked])


def answers(bundle: Any, serialized: list[bytes]) -> Iterator[list[bytes]]:
    """The list of item ids for every marked row, padding included."""
    import tensorflow as tf

    for start in range(0, len(serialized), AT_ONCE):
        part = tf.constant(serialized[start : start + AT_ONCE])
        yield from bundle.evaluate(part)["item_ids"].numpy().tolist()


class _Items:
    """Vectors and genres by item id."""

    def __init__(self, loaded: Any) -> None:
        import tensorflow as tf

        from components.bundle.stock import filtered_values_of

        ids = loaded.item_ids.numpy()[1:]
        vectors = loaded.index.vectors(tf.range(len(ids))) * loaded.retrieval.direction
        self.vectors = dict(zip(ids, tf.math.l2_normalize(vectors, axis=1).numpy(), strict=True))
        genres = filtered_values_of(loaded, len(ids))["genres"]
        self.genres: dict[bytes, set[bytes]] = {item_id: set(some) for item_id, some in zip(ids, genres, strict=True)}


def _figures(lists: list[list[bytes]], held_out: list[dict[bytes, float]], items: _Items) -> list[str]:
    pairs = list(zip(lists, held_out, strict=True))
    hits = [stars[item] for best, stars in pairs for item in best[:20] if item in stars]
    tops = [[item for item in best[:10] if item] for best in lists]
    return [
        f"{np.mean([_ndcg(best, stars, 10) for best, stars in pairs]):.4f}",
        f"{np.mean([_ndcg(best, stars, 20) for best, stars in pairs]):.4f}",
        f"{np.mean([sum(item in stars for item in best[:20]) / len(stars) for best, stars in pairs]):.4f}",
        f"{np.mean([_reciprocal_rank(best, stars) for best, stars in pairs]):.4f}",
        f"{np.mean(hits):.2f}",
        f"{np.mean([_distance(np.stack([items.vectors[item] for item in top])) for top in tops]):.3f}",
        f"{np.mean([len(set().union(*(items.genres[item] for item in top))) for top in tops]):.2f}",
        f"{len({item for top in tops for item in top}) / len(items.genres):.4f}",
    ]


def _ndcg(best: list[bytes], relevant: dict[bytes, float], k: int) -> float:
    """As docs/metrics.md has it: binary gains, the ideal has min(k, held-out items) at the top."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    gains = np.array([item in relevant for item in best[:k]])
    return float(gains @ discounts[: len(gains)] / discounts[: len(relevant)].sum())


def _reciprocal_rank(best: list[bytes], relevant: dict[bytes, float]) -> float:
    return next((1 / place for place, item in enumerate(best, start=1) if item in relevant), 0.0)


def _distance(vectors: Any) -> float:
    count = len(vectors)
    cosines = vectors @ vectors.T
    return float(1 - (cosines.sum() - np.trace(cosines)) / (count * (count - 1))) if count > 1 else 0.0


if __name__ == "__main__":
    main()
