"""Bundles retrieval, index, ranking, catalogue and what is known of the users: one SavedModel that answers."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.types import Artifact
from tfx.utils import path_utils

from components import artifacts, features
from components.baselines.judged_length import judged_length
from components.baselines.means import damped_means
from components.baselines.popularity import popular_order, popularity, shares
from components.bundle.config import BundleConfig
from components.bundle.depth import margins
from components.bundle.features import filtered_values, with_features
from components.bundle.filters import ItemFilter
from components.bundle.first_stage import FirstStage
from components.bundle.known import KnownUsers, known_users
from components.bundle.recommender import Recommender
from components.bundle.saving import save, write_bytes, write_json
from components.bundle.users import UserTable, encoded
from components.bundle.users_file import write_users
from components.bundle.warm_up import write_warm_up
from components.example_artifacts import (
    catalogue_of,
    feature_specs,
    leave_out_seen,
    liked_from,
    sequences_of,
    split_pattern,
    statistics_of,
)
from components.examples import Catalogue, Floats, RaggedRows, UserSequences
from components.feature_specs import CONTEXT, USER, of
from components.seen_rule import NEVER, SeenRule
from components.storage import storage_for
from components.training.warm_start import RANKING, RETRIEVAL, weights_name, weights_path
from components.validation.kept_statistics import keep
from serving import contract
from serving.scann_operations import load_operations

FIT_ON = {1: "train", 2: "train_and_eval", len(features.ALL_PARTS): "all"}
"""What `bundle.json` calls the rows that the models learned from, by the number of their parts."""

EXAMPLE_USERS = 200
WARM_UP_USERS = WARM_UP_ITEMS = 100
PACKAGES = ("tfx-recommenders", "tensorflow", "tensorflow-recommenders", "tfx", "scann")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a bundle is made of.

    Attributes:
      retrieval: The retrieval model.
      index: The candidate index.
      ranking: The rating model; None for data without ratings.
      items: The entities.
      sequences: Every row of every user.
      statistics: Of both, by the name of the component's input; None: there are none.
    """

    retrieval: Artifact
    index: Artifact
    ranking: Artifact | None
    items: Artifact
    sequences: Artifact
    statistics: Mapping[str, Artifact | None] = dataclasses.field(default_factory=dict)


def bundle(
    config: BundleConfig, inputs: Inputs, parts: Sequence[int], model: Artifact, *, before_test: bool, judged_k: int
) -> None:
    """Puts the parts together, and writes the SavedModel and its extra assets.

    Args:
      config: Settings.
      inputs: The parts.
      parts: Of the rows, those that the models learned from.
      model: Where the bundle goes.
      before_test: Whether the served signatures know only what came before the test rows.
      judged_k: Length of the judged list; a tenth of the items with training rows where that is shorter.
    """
    catalogue = catalogue_of(inputs.items)
    sequences = sequences_of(inputs.sequences, catalogue.item_ids, features.ALL_PARTS)
    fitted = sequences.items.where(np.isin(sequences.parts, parts))
    rule, dislikes = leave_out_seen(inputs.sequences), liked_from(inputs.sequences)
    known = known_users(sequences, before_test=before_test, liked_from=dislikes, leave_out_seen=SeenRule.parse(rule))
    retrieval = _load(inputs.retrieval)
    index = _load(inputs.index)
    ranker = None if inputs.ranking is None else _load(inputs.ranking)
    report = _index_report(inputs.index)
    counts = popularity(fitted, len(catalogue), dislikes)
    specs = feature_specs(inputs.items)
    values = filtered_values([split_pattern(inputs.items, features.ITEMS_SPLIT)], specs)
    item_filter = ItemFilter(values)
    list_length = judged_length(judged_k, int(np.count_nonzero(counts)))
    known = with_features(known, retrieval, [split_pattern(inputs.items, features.USERS_SPLIT)], specs)
    queries, vectors = encoded(retrieval, ranker, known)
    margin = margins(index, len(catalogue), queries, known.left_out, contract.MAX_N)
    module = Recommender(
        config,
        catalogue,
        UserTable(known, queries, vectors),
        retrieval,
        FirstStage(index, item_filter, shares(counts), popular_order(counts), margin),
        index,
        ranker,
        item_filter,
        damped_means(fitted, len(catalogue)),
        list_length,
        scale=_scale(sequences, rated=ranker is not None),
        liked_from=dislikes,
        repeats=rule == NEVER,
    )
    folder = path_utils.serving_model_dir(model.uri)
    save(module, folder)
    facts = {
        "model_name": contract.MODEL_NAME,
        "items": len(catalogue),
        "live_items": int(np.count_nonzero(counts)),
        "users": len(known.user_ids),
        "training_rows": len(fitted.rows),
        "has_ratings": ranker is not None,
        "rating_range": None if ranker is None else _rating_range(fitted.ratings),
        "known_rows": "before_test" if before_test else "all",
        "newest_row": _newest(known.interactions),
        "history_length": max(int(retrieval.history_length), 0 if ranker is None else int(ranker.history_length)),
        "order": config.order,
        "default_n": config.default_n,
        "settings": dataclasses.asdict(config),
        "list_length": list_length,
        "fit_on": FIT_ON[len(parts)],
        "leave_out_seen": rule,
        "liked_from": dislikes,
        "scale": _scale(sequences, rated=ranker is not None),
        "features": [{"entity": spec.entity, "name": spec.name, "kind": spec.kind} for spec in specs],
        "index": {name: report[name] for name in ("kind", "size", "dimensions", "recall", "k")},
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    write_json(folder, contract.BUNDLE_FILE, facts)
    write_json(folder, contract.CATALOGUE_FILE, _catalogue_file(catalogue, values, known))
    write_users(known, f"{folder}/{contract.EXTRA_ASSETS}/{contract.USERS_FILE}")
    keep(statistics_of(inputs.statistics), folder)
    if parts != features.ALL_PARTS:  # what was judged is what a later training starts from
        _copy_weights(inputs, folder)
    told = [f"{spec.name}=1".encode() for spec in (*of(specs, USER), *of(specs, CONTEXT))]
    write_warm_up(folder, known.user_ids[:WARM_UP_USERS], catalogue.item_ids[:WARM_UP_ITEMS], item_filter.names, told)


def _copy_weights(inputs: Inputs, folder: str) -> None:
    """Puts the weights of both models beside the bundle, under names of their own."""
    for trained, which in ((inputs.retrieval, RETRIEVAL), (inputs.ranking, RANKING)):
        if trained is not None:
            path = weights_path(path_utils.serving_model_path(trained.uri))
            if storage_for(path).exists(path):
                write_bytes(folder, weights_name(which), b"".join(storage_for(path).read(path)))


def _load(model: Artifact) -> Any:
    path = path_utils.serving_model_path(model.uri)
    load_operations(path)
    return tf.saved_model.load(path)


def _scale(sequences: UserSequences, *, rated: bool) -> tuple[float, float]:
    """The least and the largest rating there is; 0 and 0 where there are none."""
    ratings = sequences.items.ratings
    return (float(ratings.min()), float(ratings.max())) if rated and len(ratings) else (0.0, 0.0)


def _newest(rows: RaggedRows) -> int | None:
    """Time of the newest row, in seconds since 1970; None where rows have no times."""
    newest = int(rows.timestamps.max()) if len(rows.timestamps) else 0
    return newest if newest > 0 else None


def _rating_range(ratings: Floats) -> list[float] | None:
    """The lowest and the highest training rating; None without rows."""
    return [float(ratings.min()), float(ratings.max())] if len(ratings) else None


def _index_report(index: Artifact) -> dict[str, Any]:
    with tf.io.gfile.GFile(f"{index.uri}/{artifacts.INDEX_REPORT}") as file:
        return dict(json.loads(file.read()))


def _catalogue_file(
    catalogue: Catalogue, values: Mapping[str, Sequence[Sequence[bytes]]], known: KnownUsers
) -> dict[str, Any]:
    """What a page needs to offer items and users to choose from."""
    items = [
        {
            "id": item.decode(),
            "title": title.decode(),
            "features": {name: [value.decode() for value in listed[row]] for name, listed in values.items()},
        }
        for row, (item, title) in enumerate(zip(catalogue.item_ids, catalogue.titles, strict=True))
    ]
    return {"items": items, "users": [user.decode() for user in known.user_ids[:EXAMPLE_USERS]]}
