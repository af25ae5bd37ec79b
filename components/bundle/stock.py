"""The same bundle with an index of stock TensorFlow operations, made from a bundle alone: nothing is trained again.

ScaNN's operations are not in the official TF Serving image, which therefore cannot load a bundle with
a ScaNN index. A bundle holds its candidate vectors for exact search anyway; here it is put together
once more around an index that is exact (components/index/search.py).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import tensorflow as tf

from components.baselines.means import Means
from components.bundle.config import BundleConfig
from components.bundle.filters import ItemFilter
from components.bundle.first_stage import FirstStage
from components.bundle.known import KnownUsers
from components.bundle.recommender import Recommender
from components.bundle.saving import save, write_json
from components.bundle.users import UserTable
from components.errors import InputError
from components.examples import Catalogue, RaggedRows, Strings
from components.feature_specs import GENRES
from components.index.export import SearchModule
from components.index.search import ExactIndex
from components.seen_rule import NEVER
from serving import contract
from serving.scann_operations import load_operations


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a bundle can be put together from once more.

    Attributes:
      loaded: The SavedModel.
      facts: bundle.json.
      user_ids: bytes `[users]`.
    """

    loaded: Any
    facts: dict[str, Any]
    user_ids: Strings

    @property
    def settings(self) -> BundleConfig:
        """The bundle's own settings."""
        return BundleConfig(**self.facts["settings"])


def read_parts(model: Path) -> Parts:
    """Loads a bundle.

    Raises:
      InputError: `model` is no bundle of this version of the project.
    """
    extra = model / contract.EXTRA_ASSETS
    facts = _facts(extra / contract.BUNDLE_FILE)
    load_operations(model)
    users: Strings = np.array(pq.read_table(extra / contract.USERS_FILE)["user_id"].to_pylist(), dtype=object)
    return Parts(tf.saved_model.load(str(model)), facts, users)


def write_exact_twin(model: Path, folder: Path) -> None:
    """Writes the bundle in `model` to `folder` with an exact index; signatures and extra assets stay.

    Raises:
      InputError: `model` is no bundle of this version of the project.
    """
    parts = read_parts(model)
    save(with_exact_index(parts, parts.settings), str(folder))
    tf.io.gfile.makedirs(str(folder / contract.EXTRA_ASSETS))
    for file in (model / contract.EXTRA_ASSETS).iterdir():
        tf.io.gfile.copy(str(file), str(folder / contract.EXTRA_ASSETS / file.name), overwrite=True)
    exact = {"kind": "exact", "recall": 1.0, "leaves_to_search": 0, "reorder": 0}
    facts = {**parts.facts, "index": {**parts.facts["index"], **exact}}
    write_json(str(folder), contract.BUNDLE_FILE, facts)


def _facts(path: Path) -> dict[str, Any]:
    facts = dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    if "settings" not in facts:
        raise InputError(
            f"{path.parent.parent} cannot be exported",
            expected=f"a bundle whose {path.name} holds its settings",
            received="one of an earlier version of this project" if facts else f"no {path.name}",
            action="make the bundle anew: recommender run",
        )
    return facts


def with_exact_index(parts: Parts, settings: BundleConfig) -> Recommender:
    """The parts around an exact index, with the settings given."""
    loaded, users, list_length = parts.loaded, parts.user_ids, parts.facts["list_length"]
    catalogue = catalogue_of(loaded)
    stage, table = loaded.first_stage, parts_of(loaded.users)
    candidates = loaded.index.exact.candidates.numpy().T[: len(catalogue)]
    index = SearchModule(ExactIndex(candidates), candidates)
    item_filter = ItemFilter(filtered_values_of(loaded, len(catalogue)))
    return Recommender(
        settings,
        catalogue,
        UserTable(known_of(table, users), table["queries"], table.get("vectors")),
        loaded.retrieval,
        FirstStage(
            index,
            item_filter,
            stage.popularity.numpy()[: len(catalogue)],
            stage.order.numpy(),
            stage.margins.numpy(),
        ),
        index,
        getattr(loaded, "ranker", None),
        item_filter,
        Means(
            mean=float(loaded.mean.numpy()),
            users=loaded.user_means.numpy()[:-1],
            items=loaded.item_means.numpy()[:-1],
        ),
        list_length,
        scale=parts.facts["scale"],
        liked_from=parts.facts["liked_from"],
        repeats=parts.facts["leave_out_seen"] == NEVER,
    )


def catalogue_of(loaded: Any) -> Catalogue:
    """All items of a bundle, byte for byte; an item's genres come sorted."""
    item_ids, titles = loaded.item_ids.numpy()[1:], loaded.titles.numpy()[1:]
    genres = filtered_values_of(loaded, len(item_ids)).get(GENRES, [[] for _ in item_ids])
    return Catalogue(item_ids=item_ids, titles=titles, genres=genres)


def filtered_values_of(loaded: Any, items: int) -> dict[str, list[list[bytes]]]:
    """Values of every item, sorted, by the name of each feature that filters lists."""
    names, rows, splits = (loaded.filter.parts[name].numpy() for name in ("names", "rows", "splits"))
    values: dict[str, list[list[bytes]]] = {}
    for key, start, end in zip(names, splits[:-1], splits[1:], strict=False):
        feature, _, value = key.partition(b"=")
        listed = values.setdefault(feature.decode(), [[] for _ in range(items)])
        for row in rows[start:end]:
            listed[row].append(value)
    return values


def parts_of(users: Any) -> dict[str, npt.NDArray[Any]]:
    """What a bundle's table of users holds, by name (`UserTable.parts`)."""
    return {name: part.numpy() for name, part in users.parts.items()}


def known_of(table: Mapping[str, npt.NDArray[Any]], user_ids: Strings) -> KnownUsers:
    """What a bundle knows of its users; of what each liked only whether there is anything: all that a table keeps."""
    lengths = table["seen_lengths"][:-1].astype(np.int64)
    starts = table["seen_starts"][:-1].astype(np.int64) + np.arange(len(lengths))
    splits = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(splits[-1]) - np.repeat(splits[:-1], lengths) + np.repeat(starts, lengths)
    liked = table["liked"][:-1].astype(np.int64)
    content = None
    if "content_splits" in table:
        content = RaggedRows(
            row_splits=table["content_splits"].astype(np.int64),
            rows=table["content_positions"][:-1],
            weights=table["content_weights"][:-1],
        )
    return KnownUsers(
        user_ids=user_ids,
        interactions=lists_of(table),
        liked=RaggedRows(row_splits=np.concatenate([[0], np.cumsum(liked)]), rows=np.zeros(int(liked.sum()), np.int32)),
        left_out=RaggedRows(row_splits=splits, rows=table["seen"][at]),
        content=content,
        told=table["told"][:-1],
    )


def lists_of(table: Mapping[str, npt.NDArray[Any]]) -> RaggedRows:
    """What a bundle knows of each user."""
    return RaggedRows(
        row_splits=table["starts"].astype(np.int64), rows=table["rows"][:-1], ratings=table["ratings"][:-1]
    )
