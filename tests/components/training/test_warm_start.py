"""Weights go over by what a row stands for, whatever its place; what is new starts where the unknown stood."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.errors import InputError
from components.examples import RaggedRows, UserSequences
from components.features import EVAL_PART, TEST_PART, TRAIN_PART
from components.training.executor import _weights_of
from components.training.inputs import SPLIT, START, WARM_EPOCHS, WEIGHTS
from components.training.warm_start import (
    UNKNOWN,
    Start,
    WeightTable,
    is_warm,
    most_epochs,
    new_rows,
    read_start,
    weights_path,
    write_weights,
)
from tests.components.ingestion.ingested import notices
from tests.components.transform.small_content import SmallGraph, lists


def table(values, names=None):
    return WeightTable(tf.Variable(np.array(values, np.float32)), names)


@pytest.fixture
def folder(tmp_path):
    """Two models of the items a and b; the row of everything unknown comes first."""
    names = [UNKNOWN, b"a", b"b"]
    first = {"ids": table([[0.0, 0], [1, 1], [2, 2]], names), "bias": table([7.0, 8, 9], names)}
    second = {"ids": table([[0.5, 0], [10, 1], [20, 2]], names), "bias": table([70.0, 80, 90], names)}
    write_weights(str(tmp_path), [first, second])
    return tmp_path


def test_rows_go_over_by_name_and_new_ones_start_from_the_unknown(folder):
    start = Start(weights_path(str(folder)))
    names = [UNKNOWN, b"b", b"new", b"a"]
    model = {"ids": table(np.full((4, 2), -1), names), "bias": table([-1.0] * 4, names)}

    with notices() as said:
        start.put(model, 0)

    assert model["ids"].variable.numpy().tolist() == [[0, 0], [2, 2], [0, 0], [1, 1]]
    assert model["bias"].variable.numpy().tolist() == [7, 9, 7, 8]
    assert said == ["starts from the served version: 4 of 8 rows are known"]


def test_every_model_starts_from_its_own_and_further_ones_go_round(folder):
    start = Start(weights_path(str(folder)))
    for number, expected in ((0, 8), (1, 80), (2, 8)):
        model = {"bias": table([0.0], [b"a"])}
        start.put(model, number)
        assert model["bias"].variable.numpy().tolist() == [expected]


def test_without_an_unknown_row_new_ones_keep_their_first_values(tmp_path):
    write_weights(str(tmp_path), [{"words": table([[1.0], [2]], [b"item_title=x", b"item_title=y"])}])
    model = {"words": table([[5.0], [6]], [b"item_title=y", b"item_title=z"])}
    Start(weights_path(str(tmp_path))).put(model, 0)
    assert model["words"].variable.numpy().tolist() == [[2], [6]]


def test_tables_without_names_go_over_whole_and_of_another_width_not_at_all(tmp_path):
    write_weights(str(tmp_path), [{"0.kernel": table([[1.0, 2]]), "ids": table([[1.0, 2, 3]], [b"a"])}])
    model = {"0.kernel": table([[0.0, 0]]), "ids": table([[9.0, 9]], [b"a"])}
    with notices() as said:
        Start(weights_path(str(tmp_path))).put(model, 0)
    assert model["0.kernel"].variable.numpy().tolist() == [[1, 2]]
    assert model["ids"].variable.numpy().tolist() == [[9, 9]]
    assert said[-1] == "tables of another width start anew: ids"


def test_a_training_notes_what_it_started_from(folder):
    assert read_start({}, str(folder / "run")) is None
    assert not is_warm(str(folder / "run"))
    assert read_start({START: weights_path(str(folder))}, str(folder / "run")) is not None
    assert is_warm(str(folder / "run"))


def test_rows_newer_than_the_weights_are_new_and_of_a_final_fit_those_of_eval_and_test(tmp_path):
    times = np.array([10, 20, 30, 15, 40])
    items = RaggedRows(row_splits=np.array([0, 3, 5]), rows=np.arange(5, dtype=np.int32), timestamps=times)
    parts = np.array([TRAIN_PART, TRAIN_PART, TEST_PART, TRAIN_PART, EVAL_PART], np.int8)
    sequences = UserSequences(user_ids=np.array([b"a", b"b"]), items=items, parts=parts)
    write_weights(str(tmp_path), [], newest=20)
    start = Start(weights_path(str(tmp_path)))
    assert new_rows(start, sequences, final=False).tolist() == [2, 4]
    assert new_rows(start, sequences, final=True).tolist() == [2, 4]
    assert new_rows(None, sequences, final=True).tolist() == []
    undated = dataclasses.replace(sequences, items=dataclasses.replace(items, timestamps=np.zeros(0, np.int64)))
    assert new_rows(start, undated, final=False).tolist() == []
    write_weights(str(tmp_path), [])  # of undated rows: which ones they know cannot be told
    assert new_rows(Start(weights_path(str(tmp_path))), sequences, final=False).tolist() == []


class Served:
    """Stands for the artifact of StartingModel."""

    def __init__(self, folder, absent):
        self.uri, self._absent = str(folder), absent

    def get_int_custom_property(self, name):
        assert name == "absent"
        return int(self._absent)


def test_without_a_served_version_or_its_weights_a_training_starts_anew(tmp_path):
    served = tmp_path / "Format-Serving"
    with notices() as said:
        assert _weights_of(Served(tmp_path, absent=True), "ranking") is None
        assert _weights_of(Served(tmp_path, absent=False), "ranking") is None
    assert "nothing is served yet" in said[0] and "no ranking weights" in said[1]
    path = served / "assets.extra" / "ranking_weights.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert _weights_of(Served(tmp_path, absent=False), "ranking") == str(path)


def test_positions_of_content_are_named_by_their_values():
    from components.feature_specs import ITEM, of
    from components.transform.content import create_content, position_names
    from components.transform.graph import EntityFeatures

    class Graph(SmallGraph):
        def vocabulary(self, name):
            return {"item_genres": [b"Drama", b"War"], "item_title": [b"the", b"lion", b"king"]}[name]

    graph = Graph(genres=2, words=3)
    texts = [[0, 2]] * 3 + [[1]]  # "lion" is in one title only, and has no place
    values = {"genres": lists([[0]] * 4), "year": lists([[]] * 4), "title": lists(texts)}
    items = EntityFeatures(index=np.arange(4), values=values)
    content = create_content(graph, of(graph.specs, ITEM), items)

    names = position_names(content.blocks, graph)

    assert len(names) == content.size == len(set(names))
    by_feature = {block.spec.name: names[block.start : block.start + block.size] for block in content.blocks}
    assert by_feature["genres"] == [b"item_genres=Drama", b"item_genres=War", b"item_genres is unknown"]
    assert by_feature["title"] == [b"item_title=the", b"item_title=king"]
    assert by_feature["year"][:2] == [b"item_year#0", b"item_year#1"]


def test_weights_of_another_split_are_not_taken_and_nothing_is_refreshed_from_them(tmp_path):
    write_weights(str(tmp_path), [{"bias": table([1.0], [b"a"])}], '{"kind": "leave_last"}')
    told = {START: weights_path(str(tmp_path)), WEIGHTS: "retrieval", WARM_EPOCHS: 3}
    assert read_start({**told, SPLIT: '{"kind": "leave_last"}'}, str(tmp_path / "same")) is not None
    with notices() as said:
        assert read_start({**told, SPLIT: '{"kind": "random"}'}, str(tmp_path / "other")) is None
    assert "another split" in said[0] and not is_warm(str(tmp_path / "other"))
    for start in (None, told[START]):
        with pytest.raises(InputError, match="nothing to refresh: no served version has retrieval weights"):
            read_start({**told, START: start, SPLIT: "other", WARM_EPOCHS: 0}, str(tmp_path / "other"))


def test_epochs_of_a_training_that_starts_from_others(folder):
    start = Start(weights_path(str(folder)))
    assert [most_epochs(start, {WARM_EPOCHS: most}, 20) for most in (0, 5, 50)] == [0, 5, 20]
    assert most_epochs(None, {WARM_EPOCHS: 5}, 20) == most_epochs(start, {}, 20) == 20
