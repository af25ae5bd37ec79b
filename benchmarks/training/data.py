"""The rows of R1: what systems learn from, and the question that all of them are asked."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import tensorflow as tf

from benchmarks.quality.splits import write_splits
from components.examples import Floats, Longs, MarkedRows, RaggedRows, UserSequences, read_catalogue, read_marked_rows
from components.feature_specs import FeaturesConfig
from components.retrieval.config import RetrievalConfig
from components.retrieval.training_data import TrainingData, training_data
from components.training.inputs import SEQUENCES
from components.training.phases import Phase, read_phases
from components.transform.graph import TransformGraph

CUT_OFF = 100
USERS_AT_ONCE = 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows:
    """Training rows and the question of the validation part.

    Attributes:
      phase: Training rows, and the features of the catalogue.
      marked: What each user had seen, and the one item that came next.
    """

    phase: Phase
    marked: MarkedRows

    @property
    def sequences(self) -> UserSequences:
        """Training rows by user."""
        return self.phase.sequences

    @property
    def items(self) -> int:
        """Size of the catalogue."""
        return len(self.phase.items)

    def for_retrieval(self, config: RetrievalConfig) -> TrainingData:
        """What this project's model is trained on."""
        return training_data(config, self.phase, self.marked)

    def matrix(self) -> Any:
        """User-item matrix of ones, scipy CSR float32 `[users, items]`."""
        rows = self.sequences.items
        ones = np.ones(len(rows.rows), np.float32)
        return scipy.sparse.csr_matrix((ones, rows.rows, rows.row_splits), (len(rows), self.items))

    @functools.cached_property
    def asked(self) -> Longs:
        """Number of the user of each marked row among the users of `sequences`; int64."""
        numbers = {user: number for number, user in enumerate(self.sequences.user_ids)}
        return np.array([numbers[user] for user in self.marked.user_ids], np.int64)

    def ndcg(self, scores_of: Callable[[Longs], Floats]) -> float:
        """Mean NDCG@100 of the validation part, seen items left out; shorter where the catalogue is.

        As `components.retrieval.exact_search.ndcg` has it: DCG is the sum of 1 / log2(rank + 1) over the items
        asked for, the ideal has min(length, items asked for) at the top. Ties go to the smaller catalogue row.

        Args:
          scores_of: Maps numbers of users (int64 `[n]`) to scores, float32 `[n, items]`.
        """
        length = min(CUT_OFF, self.items)
        discounts = 1.0 / np.log2(np.arange(2, length + 2))
        ideal = np.cumsum(discounts)
        gains = []
        for start in range(0, len(self.asked), USERS_AT_ONCE):
            positions = range(start, min(start + USERS_AT_ONCE, len(self.asked)))
            scores = np.array(scores_of(self.asked[start : positions.stop]), np.float32)
            for line, position in zip(scores, positions, strict=True):
                line[_known(self.marked.seen, position)] = -np.inf
            for best, position in zip(tf.math.top_k(scores, length).indices.numpy(), positions, strict=True):
                wanted = self.marked.held_out[position]
                gains.append(np.isin(best, wanted) @ discounts / ideal[min(len(wanted), length) - 1])
        return float(np.mean(gains))


def read_rows(manual_dir: Path, output: Path) -> Rows:
    """Runs the pipeline on R1 once (models are trained for one epoch) and reads what its data stages have made.

    Args:
      manual_dir: Folder that holds ml-latest-small.zip.
      output: Folder of the run and of the splits; a run that is there already is used again.
    """
    splits, run = output / "splits", output / "run"
    write_splits(manual_dir, splits, ("R1",))
    splits_of = {"--ratings": "train.csv", "--eval-ratings": "valid.csv", "--test-ratings": "test.csv"}
    options = [part for option, name in splits_of.items() for part in (option, str(splits / "R1" / name))]
    settings = ["retrieval.epochs=1", "retrieval.seeds=1", "ranking.epochs=1", "ranking.seeds=1"]
    options += [part for setting in settings for part in ("--set", setting)]
    command = [str(Path(sys.executable).parent / "recommender"), "run", "--preset", "movielens-latest-small"]
    command += [*options, "--items", str(splits / "movies.csv"), "--output", str(run)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    artifacts = run / "artifacts"
    graph = TransformGraph(str(newest(artifacts / "Transform" / "transform_graph")), FeaturesConfig().specs())
    written = artifacts / "ExampleGen"
    catalogue = read_catalogue(files(newest(written / "entities") / "Split-items"))
    phase, _ = read_phases({SEQUENCES: files(newest(written / "sequences") / "Split-all")}, graph, catalogue)
    marked = read_marked_rows(files(newest(written / "examples") / "Split-eval"), catalogue.item_ids)
    return Rows(phase=phase, marked=marked)


def _known(lists: RaggedRows, position: int) -> Any:
    rows = lists[position]
    return rows[rows >= 0]


def newest(folder: Path) -> Path:
    """The folder of the latest execution."""
    return max(folder.iterdir(), key=lambda path: int(path.name))


def files(folder: Path) -> list[str]:
    """The pattern of all files of a split."""
    return [str(folder / "*")]
