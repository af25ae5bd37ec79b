"""PeerLists: popularity's and a peer's recommendations as columns of the test rows."""

import numpy as np
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils, standard_artifacts

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

ASKED_USERS = 5_000
"""Most users of eval for whom the peers are compared: a recall of so many is known to ± .006."""

# No `from __future__ import annotations`: TFX reads the types themselves.


@component
def PeerLists(
    examples: InputArtifact[standard_artifacts.Examples],
    items: InputArtifact[standard_artifacts.Examples],
    sequences: InputArtifact[standard_artifacts.Examples],
    config: Parameter[str],
    judged_k: Parameter[int],
    judged_rows: OutputArtifact[standard_artifacts.Examples],
) -> None:
    """Adds `popular_item_ids` and `peer_item_ids` to the marked rows of the split test.

    The peer is the best one on eval of those that the data allow (peers.py); its name is the output's property `peer`.
    Both learn from the rows that the models learn from, know of a user what the row says, and
    leave out the seen items. They do not come from the bundle, which cannot make them weaker.

    Args:
      examples: Interactions with a split test.
      items: The entities; their split `items` is the catalogue.
      sequences: Every row of every user; those that the models were fit on are read.
      config: A PeersConfig as JSON.
      judged_k: Length of the judged list; a tenth of the items with training rows where that is shorter.
      judged_rows: Output: Examples with the split test, every row in its order.
    """
    settings = from_json(PeersConfig, config)
    catalogue = catalogue_of(items)
    dislikes = liked_from(sequences)
    rows = sequences_of(sequences, catalogue.item_ids, fitted_parts(sequences)).liked(dislikes).items
    popular = popularity(rows, len(catalogue))
    length = judged_length(judged_k, int(np.count_nonzero(popular)))
    peer = _best(examples, sequences, catalogue, settings, length)
    lists_of = peer.fit(rows, len(catalogue), popular, settings)

    def lists(known: Known) -> Lists:
        return {
            features.POPULAR_ITEM_IDS: most_popular(popular, known.seen, length),
            features.PEER_ITEM_IDS: lists_of(known.history, known.seen, length),
        }

    judged_rows.split_names = artifact_utils.encode_split_names([features.TEST])
    examples_utils.set_payload_format(judged_rows, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    folder = artifact_utils.get_split_uri([judged_rows], features.TEST)
    users = add_lists(split_pattern(examples, features.TEST), folder, catalogue.item_ids, lists, dislikes)
    counts = np.bincount(rows.rows, minlength=len(catalogue))
    write_popularity(f"{judged_rows.uri}/{POPULARITY_FILE}", catalogue.item_ids, counts)
    judged_rows.set_string_custom_property(artifacts.PEER, peer.name)
    progress.report("lists of %d items for %s users", length, f"{users:,}")


def _best(examples: Artifact, rows: Artifact, catalogue: Catalogue, config: PeersConfig, length: int) -> Peer:
    """The peer that does best on eval, with what it can learn from train."""
    sequences = sequences_of(rows, catalogue.item_ids, (features.TRAIN_PART,))
    sequences = sequences.liked(liked_from(rows))
    ordered = bool(sequences.items.timestamps.any())
    peers = candidates(ordered, leave_out_seen(rows) != ALWAYS, config.also)
    if len(peers) == 1:
        return peers[0]
    marked = read_marked_rows([split_pattern(examples, features.EVAL)], catalogue.item_ids)
    asked = AskedUsers.of(marked, sequences).evenly(ASKED_USERS)
    popular = popularity(sequences.items, len(catalogue))
    best, recalls = best_peer(peers, sequences, len(catalogue), popular, asked, length, config)
    listed = ", ".join(f"{name} {recall:.4f}" for name, recall in recalls.items())
    progress.conclude("recall@%d on eval: %s; the best one is the peer", length, listed)
    return best
