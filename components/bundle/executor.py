"""Executor of the RecommenderBundler: one SavedModel of all that answers a request."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
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
    fitted_parts,
    leave_out_seen,
    liked_from,
    sequences_of,
    split_pattern,
    statistics_of,
)
from components.examples import Catalogue, Floats, RaggedRows, UserSequences
from components.feature_specs import CONTEXT, USER, of
from components.seen_rule import NEVER, SeenRule
from components.settings import from_json
from components.storage import storage_for
from components.training.warm_start import RANKING, RETRIEVAL, weights_name, weights_path
from components.validation.kept_statistics import keep
from serving import contract
from serving.scann_operations import load_operations

RETRIEVAL_KEY = "retrieval"
INDEX_KEY = "index"
RANKING_KEY = "ranking"
ITEMS_KEY = "items"
SEQUENCES_KEY = "sequences"
BUNDLE_KEY = "model"
CONFIG_KEY = "config"
BEFORE_TEST_KEY = "before_test"
JUDGED_K_KEY = "judged_k"

PARTS_KEY = "parts"  # of the rows that the models learned from, where they are not those that the artifact tells

FIT_ON = {1: "train", 2: "train_and_eval", len(features.ALL_PARTS): "all"}
"""By the number of parts that the models learned from, how `bundle.json` calls them."""

EXAMPLE_USERS = 200
WARM_UP_USERS = WARM_UP_ITEMS = 100
PACKAGES = ("tfx-recommenders", "tensorflow", "tensorflow-recommenders", "tfx", "scann")


class Executor(base_executor.BaseExecutor):  # type: ignore[misc]
    """Bundles retrieval, index, ranking, catalogue and what is known of the users."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Reads the parts, puts them together, writes the SavedModel and its extra assets."""
        config = from_json(BundleConfig, exec_properties[CONFIG_KEY])
        before_test = bool(int(exec_properties[BEFORE_TEST_KEY]))
        catalogue = catalogue_of(input_dict[ITEMS_KEY])
        parts = exec_properties.get(PARTS_KEY) or fitted_parts(input_dict[SEQUENCES_KEY])
        sequences = sequences_of(input_dict[SEQUENCES_KEY], catalogue.item_ids, features.ALL_PARTS)
        fitted = sequences.items.where(np.isin(sequences.parts, parts))
        rule, dislikes = leave_out_seen(input_dict[SEQUENCES_KEY]), liked_from(input_dict[SEQUENCES_KEY])
        known = known_users(
            sequences, before_test=before_test, liked_from=dislikes, leave_out_seen=SeenRule.parse(rule)
        )
        retrieval = _load(input_dict, RETRIEVAL_KEY)
        index = _load(input_dict, INDEX_KEY)
        ranker = _load(input_dict, RANKING_KEY) if input_dict.get(RANKING_KEY) else None
        report = _index_report(input_dict)
        counts = popularity(fitted, len(catalogue), dislikes)
        specs = feature_specs(input_dict[ITEMS_KEY])
        values = filtered_values([split_pattern(input_dict[ITEMS_KEY], features.ITEMS_SPLIT)], specs)
        item_filter = ItemFilter(values)
        list_length = judged_length(int(exec_properties[JUDGED_K_KEY]), int(np.count_nonzero(counts)))
        known = with_features(known, retrieval, [split_pattern(input_dict[ITEMS_KEY], features.USERS_SPLIT)], specs)
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
        folder = path_utils.serving_model_dir(artifact_utils.get_single_uri(output_dict[BUNDLE_KEY]))
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
        keep(statistics_of(input_dict), folder)
        if parts != features.ALL_PARTS:  # what was judged is what a later training starts from
            _copy_weights(input_dict, folder)
        told = [f"{spec.name}=1".encode() for spec in (*of(specs, USER), *of(specs, CONTEXT))]
        write_warm_up(
            folder, known.user_ids[:WARM_UP_USERS], catalogue.item_ids[:WARM_UP_ITEMS], item_filter.names, told
        )


def _copy_weights(inputs: dict[str, list[types.Artifact]], folder: str) -> None:
    """Puts the weights of both models beside the bundle, under names of their own."""
    for key, which in ((RETRIEVAL_KEY, RETRIEVAL), (RANKING_KEY, RANKING)):
        if inputs.get(key):
            path = weights_path(path_utils.serving_model_path(artifact_utils.get_single_uri(inputs[key])))
            if storage_for(path).exists(path):
                write_bytes(folder, weights_name(which), b"".join(storage_for(path).read(path)))


def _load(inputs: dict[str, list[types.Artifact]], key: str) -> Any:
    path = path_utils.serving_model_path(artifact_utils.get_single_uri(inputs[key]))
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


def _index_report(inputs: dict[str, list[types.Artifact]]) -> dict[str, Any]:
    with tf.io.gfile.GFile(f"{artifact_utils.get_single_uri(inputs[INDEX_KEY])}/{artifacts.INDEX_REPORT}") as file:
        return dict(json.loads(file.read()))


def _catalogue_file(
    catalogue: Catalogue, values: Mapping[str, Sequence[Sequence[bytes]]], known: KnownUsers
) -> dict[str, Any]:
    """What a page needs to offer items and users to choose from; ids that are not UTF-8 are left out."""
    items = [
        {
            "id": item.decode(),
            "title": title.decode("utf-8", "replace"),
            "features": {
                name: [value.decode("utf-8", "replace") for value in listed[row]] for name, listed in values.items()
            },
        }
        for row, (item, title) in enumerate(zip(catalogue.item_ids, catalogue.titles, strict=True))
        if _is_text(item)
    ]
    return {"items": items, "users": [u.decode() for u in known.user_ids[:EXAMPLE_USERS] if _is_text(u)]}


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
