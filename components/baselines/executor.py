"""Executor of PeerLists: test rows in, the same rows with what peers recommend out."""

from __future__ import annotations

from typing import Any

import numpy as np
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils

from components import artifacts, features, progress
from components.baselines.config import PeersConfig
from components.baselines.item_knn import most_popular
from components.baselines.judged_length import judged_length
from components.baselines.marked_rows import Known, Lists, add_lists
from components.baselines.peers import Peer, best_peer, candidates
from components.baselines.popularity import popularity
from components.baselines.popularity_file import POPULARITY_FILE, write_popularity
from components.example_artifacts import (
    catalogue_of,
    fitted_parts,
    leave_out_seen,
    liked_from,
    sequences_of,
    split_pattern,
)
from components.examples import AskedUsers, Catalogue, read_marked_rows
from components.seen_rule import ALWAYS
from components.settings import from_json

EXAMPLES, ITEMS, SEQUENCES = "examples", "items", "sequences"
JUDGED_ROWS = "judged_rows"  # output: no name may be both input and output
CONFIG, JUDGED_K = "config", "judged_k"

ASKED_USERS = 5_000
"""Most users of eval for whom the peers are compared: a recall of so many is known to ± .006."""

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Learns popularity and similarities from what the models learn from, and answers the marked rows."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Reads catalogue and sequences, chooses a peer on eval, and writes the test rows anew."""
        config = from_json(PeersConfig, exec_properties[CONFIG])
        catalogue = catalogue_of(input_dict[ITEMS])
        dislikes = liked_from(input_dict[SEQUENCES])
        fitted = fitted_parts(input_dict[SEQUENCES])
        sequences = sequences_of(input_dict[SEQUENCES], catalogue.item_ids, fitted).liked(dislikes).items
        popular = popularity(sequences, len(catalogue))
        length = judged_length(int(exec_properties[JUDGED_K]), int(np.count_nonzero(popular)))
        peer = _best(input_dict, catalogue, config, length)
        lists_of = peer.fit(sequences, len(catalogue), popular, config)

        def lists(known: Known) -> Lists:
            return {
                features.POPULAR_ITEM_IDS: most_popular(popular, known.seen, length),
                features.PEER_ITEM_IDS: lists_of(known.history, known.seen, length),
            }

        judged = artifact_utils.get_single_instance(output_dict[JUDGED_ROWS])
        judged.split_names = artifact_utils.encode_split_names([features.TEST])
        examples_utils.set_payload_format(judged, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        folder = artifact_utils.get_split_uri([judged], features.TEST)
        pattern = split_pattern(input_dict[EXAMPLES], features.TEST)
        users = add_lists(pattern, folder, catalogue.item_ids, lists, dislikes)
        counts = np.bincount(sequences.rows, minlength=len(catalogue))
        write_popularity(f"{judged.uri}/{POPULARITY_FILE}", catalogue.item_ids, counts)
        judged.set_string_custom_property(artifacts.PEER, peer.name)
        progress.report("lists of %d items for %s users", length, f"{users:,}")


def _best(input_dict: Artifacts, catalogue: Catalogue, config: PeersConfig, length: int) -> Peer:
    """The peer that does best on eval, with what it can learn from train."""
    sequences = sequences_of(input_dict[SEQUENCES], catalogue.item_ids, (features.TRAIN_PART,))
    sequences = sequences.liked(liked_from(input_dict[SEQUENCES]))
    ordered = bool(sequences.items.timestamps.any())
    peers = candidates(ordered, leave_out_seen(input_dict[SEQUENCES]) != ALWAYS, config.also)
    if len(peers) == 1:
        return peers[0]
    marked = read_marked_rows([split_pattern(input_dict[EXAMPLES], features.EVAL)], catalogue.item_ids)
    asked = AskedUsers.of(marked, sequences).evenly(ASKED_USERS)
    popular = popularity(sequences.items, len(catalogue))
    best, recalls = best_peer(peers, sequences, len(catalogue), popular, asked, length, config)
    listed = ", ".join(f"{name} {recall:.4f}" for name, recall in recalls.items())
    progress.conclude("recall@%d on eval: %s; the best one is the peer", length, listed)
    return best
