"""Weights of trained models by what each row stands for, so that a later training may start from them.

Vocabularies grow and change their order; a row keeps its meaning by its name, the id of an item or a user or a value of
a feature. A row that is new starts where every unknown one stood (`UNKNOWN`), if its table has such a row: to the model
it was an unknown item or user until now, told by its features alone. Else it keeps its first, random value.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components import progress
from components.errors import InputError
from components.examples import Longs, UserSequences
from components.features import TRAIN_PART
from components.storage import storage_for
from components.training.inputs import SPLIT, START, WARM_EPOCHS, WEIGHTS
from serving.contract import EXTRA_ASSETS

WEIGHTS_FILE = "weights.npz"
STARTED_FILE = "started.json"
RETRIEVAL, RANKING = "retrieval", "ranking"
UNKNOWN = b""
NOTHING = 0


@dataclasses.dataclass(frozen=True)
class WeightTable:
    """One table of a model.

    Attributes:
      variable: Its weights; the first dimension is that of the rows.
      names: bytes, what each row stands for; None: rows have no names, and are taken as a whole.
    """

    variable: Any
    names: Sequence[bytes] | None = None


Tables = Mapping[str, WeightTable]
"""All tables of a model by name."""


def weights_name(which: str = "") -> str:
    """Name of the file of the weights: of a trained model, or, beside others, in a bundle (RETRIEVAL, RANKING)."""
    return f"{which}_{WEIGHTS_FILE}" if which else WEIGHTS_FILE


def weights_path(model: str, which: str = "") -> str:
    """The path of the file of weights of a model in a folder."""
    return f"{model.rstrip('/')}/{EXTRA_ASSETS}/{weights_name(which)}"


def write_weights(folder: str, models: Sequence[Tables], split: str = "", newest: int = NOTHING) -> None:
    """Writes the tables of all models of a training beside their SavedModel in `folder`.

    Args:
      folder: Of the SavedModel.
      models: The tables of each.
      split: How the rows were parted that they have learned from (a SplitConfig as JSON).
      newest: Unix seconds of the newest of those rows; 0: they have no times.
    """
    arrays: dict[str, Any] = {
        "models": np.array(len(models)),
        "split": np.array(split),
        "newest": np.array(newest),
    }
    for number, tables in enumerate(models):
        for name, table in tables.items():
            arrays[f"{number}/{name}"] = table.variable.numpy()
            if table.names is not None:
                arrays[f"names/{name}"] = np.array(table.names, np.bytes_)
    content = io.BytesIO()
    np.savez(content, **arrays)
    path = weights_path(folder)
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content.getvalue())


class Start:
    """The weights of an earlier training.

    Args:
      path: Of its file.

    Attributes:
      path: The same.
      split: How the rows were parted that it has learned from.
      newest: Unix seconds of the newest of those rows; 0: they have no times.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with np.load(io.BytesIO(b"".join(storage_for(path).read(path)))) as stored:
            self._arrays = {name: stored[name] for name in stored.files}
        self._models = int(self._arrays["models"])
        self.split = str(self._arrays["split"])
        self.newest = int(self._arrays.get("newest", NOTHING))
        self._told = False

    def put(self, tables: Tables, number: int) -> None:
        """Gives a model that has not been trained the weights of model `number` (of fewer, they go round).

        Tables of another width are left as they are: then the settings have changed.
        """
        taken, rows, strange = 0, 0, []
        for name, table in tables.items():
            old = self._arrays.get(f"{number % self._models}/{name}")
            rows += int(table.variable.shape[0])
            if old is None or old.shape[1:] != tuple(table.variable.shape[1:]):
                strange.append(name)
            elif table.names is None:
                if old.shape == tuple(table.variable.shape):
                    table.variable.assign(old)
                    taken += len(old)
            else:
                taken += _put_rows(table, old, self._arrays[f"names/{name}"])
        if not self._told:
            self._told = True
            progress.conclude("starts from the served version: %s of %s rows are known", f"{taken:,}", f"{rows:,}")
            if strange:
                progress.warn("tables of another width start anew: %s", ", ".join(strange))


def _put_rows(table: WeightTable, old: Any, old_names: Any) -> int:
    """Takes over rows by name; says how many were known."""
    assert table.names is not None
    row_of = {name: row for row, name in enumerate(old_names.tolist())}
    unknown = row_of.get(UNKNOWN, -1)
    rows = np.fromiter((row_of.get(name, unknown) for name in table.names), np.int64, len(table.names))
    values = table.variable.numpy()
    values[rows >= 0] = old[rows[rows >= 0]]
    table.variable.assign(values)
    return int(np.count_nonzero((rows >= 0) & (rows != unknown)))


def read_start(custom_config: Mapping[str, Any], model_run_dir: str) -> Start | None:
    """The weights that a trainer's `custom_config` names, noted in its `model_run`; None: it starts anew.

    Weights that have learned from rows that were parted otherwise may know what is test now: they are not taken.

    Raises:
      InputError: Nothing is to be trained, and there are no weights.
    """
    path = custom_config.get(START)
    start = Start(path) if path else None
    if start is not None and start.split != custom_config.get(SPLIT, start.split):
        progress.warn("the served version was judged by another split: what it has learned may be test rows now")
        start = None
    if start is None:
        if custom_config.get(WARM_EPOCHS) == 0:
            raise InputError(
                f"there is nothing to refresh: no served version has {custom_config[WEIGHTS]} weights to take",
                expected="a version that a run with the same split has pushed",
                received="none",
                action="train one: recommender run with the same options",
            )
        return None
    tf.io.gfile.makedirs(model_run_dir)
    with tf.io.gfile.GFile(f"{model_run_dir.rstrip('/')}/{STARTED_FILE}", "w") as file:
        file.write(json.dumps({"weights": path}) + "\n")
    return start


def new_rows(start: Start | None, sequences: UserSequences, *, final: bool) -> Longs:
    """Positions of the rows that a training from others' weights has to learn, in `sequences.items`.

    Of a final fit, which goes on from the judged weights, those are the eval and test rows; else the rows that are
    newer than all that the weights know. None where the training starts anew or rows have no times.
    """
    times = sequences.items.timestamps
    if start is None or (not final and (not len(times) or start.newest == NOTHING)):
        return np.zeros(0, np.int64)
    return np.flatnonzero(sequences.parts != TRAIN_PART if final else times > start.newest)


def most_epochs(start: Start | None, custom_config: Mapping[str, Any], epochs: int) -> int:
    """Epochs that a training may have, of those of its configuration; 0: nothing is trained."""
    return epochs if start is None else min(epochs, custom_config.get(WARM_EPOCHS, epochs))


def is_warm(model_run_dir: str) -> bool:
    """Whether a training has started from others' weights."""
    path = f"{model_run_dir.rstrip('/')}/{STARTED_FILE}"
    return storage_for(path).exists(path)
