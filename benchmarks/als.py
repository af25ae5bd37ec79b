"""implicit's ALS on the rows of a finished run, asked for the same test rows as its bundle.

    python -m benchmarks als RUN

RUN is a folder of `recommender run`. ALS learns from the rows that the judged models learned from, and knows of a user
what the bundle knew. Settings are chosen by recall@100 of 2,000 users of eval, after five iterations on train alone.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import threadpoolctl

from benchmarks.training.data import files, newest
from components import features
from components.examples import AskedUsers, UserSequences, read_catalogue, read_marked_rows, read_sequences

FACTORS, TRIED_ITERATIONS, ITERATIONS, USERS_AT_ONCE, ASKED = 128, 5, 15, 64, 2_000
GRID = tuple({"regularization": r, "alpha": a} for r, a in itertools.product((1.0, 10.0), (1.0, 10.0)))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks als", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--fitted-parts", default="train", help="train, or train,eval after --final-fit train_eval")
    arguments = parser.parse_args()
    generated = arguments.run / "artifacts" / "ExampleGen"
    catalogue = read_catalogue(files(newest(generated / "entities") / "Split-items"))

    def rows(parts: Collection[int]) -> UserSequences:
        return read_sequences(files(newest(generated / "sequences") / "Split-all"), catalogue.item_ids, parts)

    def asked(split: str, known: UserSequences) -> AskedUsers:
        marked = read_marked_rows(files(newest(generated / "examples") / f"Split-{split}"), catalogue.item_ids)
        return AskedUsers.of(marked, known)

    train = rows((features.TRAIN_PART,))
    of_eval = asked(features.EVAL, train).evenly(ASKED)
    found = []
    for settings in GRID:
        items, seconds = _fit(train, len(catalogue), settings, TRIED_ITERATIONS)
        recall, _ = _judge(items, of_eval)
        found.append((recall, settings))
        print(f"{settings}: recall@100 on eval {recall:.4f}, {seconds:.0f} s", flush=True)
    _, best = max(found, key=lambda one: one[0])
    parts = {"train": features.TRAIN_PART, "eval": features.EVAL_PART}
    fitted = rows([parts[name] for name in arguments.fitted_parts.split(",")])
    items, seconds = _fit(fitted, len(catalogue), best, ITERATIONS)
    known = rows((features.TRAIN_PART, features.EVAL_PART))
    recall, ndcg = _judge(items, asked(features.TEST, known))
    print(f"ALS, {FACTORS} factors, {best}: recall@100 {recall:.4f}, NDCG@10 {ndcg:.4f} on test, {seconds:.0f} s")


def _matrix(lists: Any, items: int) -> Any:
    known = lists.where(lists.rows >= 0)
    return scipy.sparse.csr_matrix(
        (np.ones(len(known.rows), np.float32), known.rows, known.row_splits), (len(known), items)
    )


def _fit(rows: UserSequences, items: int, settings: dict[str, float], iterations: int) -> tuple[Any, float]:
    """A fitted model and its seconds."""
    from implicit.als import AlternatingLeastSquares

    matrix = _matrix(rows.items, items)
    began = time.perf_counter()
    with threadpoolctl.threadpool_limits(1, "blas"):  # it runs threads of its own
        model = AlternatingLeastSquares(
            factors=FACTORS, **settings, iterations=iterations, num_threads=2, random_state=1, use_gpu=False
        )
        model.fit(matrix, show_progress=False)
    return model, time.perf_counter() - began


def _judge(model: Any, asked: AskedUsers) -> tuple[float, float]:
    """Recall@100 and NDCG@10 as docs/metrics.md defines them, float each."""
    histories = _matrix(asked.histories, len(model.item_factors))
    discounts = 1 / np.log2(np.arange(2, 12))
    recalls, gains = [], []
    for start in range(0, len(asked), USERS_AT_ONCE):
        block = range(start, min(start + USERS_AT_ONCE, len(asked)))
        users = model.recalculate_user(np.arange(len(block)), histories[block.start : block.stop])
        scores = np.asarray(users @ model.item_factors.T)
        for line, position in zip(scores, block, strict=True):
            left_out = asked.left_out[position]
            line[left_out[left_out >= 0]] = -np.inf
            wanted = asked.held_out[position]
            hits = np.isin(np.argsort(-line, kind="stable")[:100], wanted)
            recalls.append(hits.sum() / len(wanted))
            gains.append(hits[:10] @ discounts / discounts[: min(10, len(wanted))].sum())
    return float(np.mean(recalls)), float(np.mean(gains))


if __name__ == "__main__":
    main()
