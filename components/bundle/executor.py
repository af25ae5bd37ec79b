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
from components.baselines.popularity import Doubles, popular_order, popularity, shares
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
from components.feature_specs import CONTEXT, USER, FeatureSpec, of
from components.seen_rule import NEVER, SeenRule
from components.storage import storage_for
from components.training.warm_start import RANKING, RETRIEVAL, weights_name, weights_path
from components.validation.kept_statistics import keep
from serving import contract
from serving.scann_operations import load_operations

FIT_ON = {1: "train", 2: "train_and_eval", len(features.ALL_PARTS): "all"}
"""What `bundle.json` calls the rows that the models learned from, by the number of their parts."""

INDEX_FACTS = ("kind", "size", "dimensions", "recall", "k", "leaves_to_search", "reorder")
"""What `bundle.json` takes from `index.json`."""

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
    read = _read(inputs, parts, before_test=before_test, judged_k=judged_k)
    folder = path_utils.serving_model_dir(model.uri)
    item_filter = ItemFilter(read.values)
    save(_recommender(config, read, item_filter), folder)
    facts = {
        **_facts(config, read),
        "known_rows": "before_test" if before_test else "all",
        "fit_on": FIT_ON[len(parts)],
        "index": _index_report(inputs.index),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    write_json(folder, contract.BUNDLE_FILE, facts)
    write_json(folder, contract.CATALOGUE_FILE, _catalogue_file(read.catalogue, read.values, read.known))
    write_users(read.known, f"{folder}/{contract.EXTRA_ASSETS}/{contract.USERS_FILE}")
    keep(statistics_of(inputs.statistics), folder)
    if parts != features.ALL_PARTS:  # what was judged is what a later training starts from
        _copy_weights(inputs, folder)
    told = [f"{spec.name}=1".encode() for spec in (*of(read.specs, USER), *of(read.specs, CONTEXT))]
    users, items = read.known.user_ids[:WARM_UP_USERS], read.catalogue.item_ids[:WARM_UP_ITEMS]
    write_warm_up(folder, users, items, item_filter.names, told)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Read:
    """The inputs as they were read, and what follows from them.

    Attributes:
      catalogue: All `N` items.
      specs: Features of items, users and contexts.
      values: Values of the items by each feature that a request may filter by, one list an item.
      sequences: Every row of every user.
      fitted: Those that the models learned from.
      counts: float64 `[N]`, what popularity counts of these.
      known: What the served signatures know of users.
      retrieval, index, ranker: The loaded models; no ranker for data without ratings.
      leave_out_seen: What lists leave out.
      liked_from: The least rating that is no dislike; None where there are no dislikes.
      list_length: Length of the judged list.
    """

    catalogue: Catalogue
    specs: Sequence[FeatureSpec]
    values: Mapping[str, Sequence[Sequence[bytes]]]
    sequences: UserSequences
    fitted: RaggedRows
    counts: Doubles
    known: KnownUsers
    retrieval: Any
    index: Any
    ranker: Any
    leave_out_seen: str
    liked_from: float | None
    list_length: int

    @property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest rating of all rows; 0 and 0 for data without ratings."""
        ratings = self.sequences.items.ratings
        return (float(ratings.min()), float(ratings.max())) if self.ranker is not None and len(ratings) else (0.0, 0.0)


def _read(inputs: Inputs, parts: Sequence[int], *, before_test: bool, judged_k: int) -> _Read:
    """Reads what `bundle` is given."""
    catalogue = catalogue_of(inputs.items)
    sequences = sequences_of(inputs.sequences, catalogue.item_ids, features.ALL_PARTS)
    fitted = sequences.items.where(np.isin(sequences.parts, parts))
    rule, dislikes = leave_out_seen(inputs.sequences), liked_from(inputs.sequences)
    known = known_users(sequences, before_test=before_test, liked_from=dislikes, leave_out_seen=SeenRule.parse(rule))
    retrieval = _load(inputs.retrieval)
    counts = popularity(fitted, len(catalogue), dislikes)
    specs = feature_specs(inputs.items)
    return _Read(
        catalogue=catalogue,
        specs=specs,
        values=filtered_values([split_pattern(inputs.items, features.ITEMS_SPLIT)], specs),
        sequences=sequences,
        fitted=fitted,
        counts=counts,
        known=with_features(known, retrieval, [split_pattern(inputs.items, features.USERS_SPLIT)], specs),
        retrieval=retrieval,
        index=_load(inputs.index),
        ranker=None if inputs.ranking is None else _load(inputs.ranking),
        leave_out_seen=rule,
        liked_from=dislikes,
        list_length=judged_length(judged_k, int(np.count_nonzero(counts))),
    )


def _recommender(config: BundleConfig, read: _Read, item_filter: ItemFilter) -> Recommender:
    """The module that is saved."""
    queries, vectors = encoded(read.retrieval, read.ranker, read.known)
    margin = margins(read.index, len(read.catalogue), queries, read.known.left_out, contract.MAX_N)
    return Recommender(
        config,
        read.catalogue,
        UserTable(read.known, queries, vectors),
        read.retrieval,
        FirstStage(read.index, item_filter, shares(read.counts), popular_order(read.counts), margin),
        read.index,
        read.ranker,
        item_filter,
        damped_means(read.fitted, len(read.catalogue)),
        read.list_length,
        scale=read.scale,
        liked_from=read.liked_from,
        repeats=read.leave_out_seen == NEVER,
    )


def _facts(config: BundleConfig, read: _Read) -> dict[str, Any]:
    """What `bundle.json` says of the data and the models."""
    ranked = read.ranker is not None
    return {
        "model_name": contract.MODEL_NAME,
        "items": len(read.catalogue),
        "live_items": int(np.count_nonzero(read.counts)),
        "users": len(read.known.user_ids),
        "training_rows": len(read.fitted.rows),
        "has_ratings": ranked,
        "rating_range": _rating_range(read.fitted.ratings) if ranked else None,
        "newest_row": _newest(read.known.interactions),
        "history_length": max(int(read.retrieval.history_length), int(read.ranker.history_length) if ranked else 0),
        "order": config.order,
        "default_n": config.default_n,
        "settings": dataclasses.asdict(config),
        "list_length": read.list_length,
        "leave_out_seen": read.leave_out_seen,
        "liked_from": read.liked_from,
        "scale": read.scale,
        "features": [{"entity": spec.entity, "name": spec.name, "kind": spec.kind} for spec in read.specs],
    }


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


def _newest(rows: RaggedRows) -> int | None:
    """Time of the newest row, in seconds since 1970; None where rows have no times."""
    newest = int(rows.timestamps.max()) if len(rows.timestamps) else 0
    return newest if newest > 0 else None


def _rating_range(ratings: Floats) -> list[float] | None:
    """The lowest and the highest training rating; None without rows."""
    return [float(ratings.min()), float(ratings.max())] if len(ratings) else None


def _index_report(index: Artifact) -> dict[str, Any]:
    with tf.io.gfile.GFile(f"{index.uri}/{artifacts.INDEX_REPORT}") as file:
        report = json.loads(file.read())
    return {name: report[name] for name in INDEX_FACTS}


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
