"""Executor of PeerLists: test rows in, the same rows with what peers recommend out."""

from __future__ import annotations

from typing import Any

from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils

from components import features, progress
from components.evaluation.judged_length import judged_length
from components.example_artifacts import catalogue_of, fitted_sequences, split_pattern
from components.peers.config import PeersConfig
from components.peers.item_knn import find_neighbours, most_popular, recommend
from components.peers.marked_rows import Known, Lists, add_lists
from components.peers.popularity_file import POPULARITY_FILE, write_popularity
from components.settings import from_json

EXAMPLES, MOVIES, SEQUENCES = "examples", "movies", "sequences"
JUDGED_ROWS = "judged_rows"  # output: no name may be both input and output
CONFIG, JUDGED_K = "config", "judged_k"

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Learns popularity and similarities from what the models learn from, and answers the marked rows."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Reads catalogue and sequences, and writes the test rows anew."""
        config = from_json(PeersConfig, exec_properties[CONFIG])
        catalogue = catalogue_of(input_dict[MOVIES])
        sequences = fitted_sequences(input_dict[SEQUENCES], catalogue.movie_ids).movies
        neighbours = find_neighbours(sequences, len(catalogue), config.neighbours, config.longest)
        half_life = config.half_life if sequences.timestamps.any() else 0.0  # undated rows have no order
        length = judged_length(int(exec_properties[JUDGED_K]), len(catalogue))

        def lists(known: Known) -> Lists:
            return {
                features.POPULAR_MOVIE_IDS: most_popular(neighbours.popularity, known.seen, length),
                features.ITEM_KNN_MOVIE_IDS: recommend(neighbours, known.history, known.seen, length, half_life),
            }

        judged = artifact_utils.get_single_instance(output_dict[JUDGED_ROWS])
        judged.split_names = artifact_utils.encode_split_names([features.TEST])
        examples_utils.set_payload_format(judged, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        folder = artifact_utils.get_split_uri([judged], features.TEST)
        users = add_lists(split_pattern(input_dict[EXAMPLES], features.TEST), folder, catalogue.movie_ids, lists)
        write_popularity(f"{judged.uri}/{POPULARITY_FILE}", catalogue.movie_ids, neighbours.popularity)
        progress.report("lists of %d movies for %s users", length, f"{users:,}")
