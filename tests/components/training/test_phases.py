"""What a training may know, derived by hand."""

import numpy as np
import pytest

from components.examples import Catalogue, RaggedRows, UserSequences
from components.features import EVAL_PART, NEW_USER_PART, TEST_PART, TRAIN_PART
from components.training.phases import read_phases, seeing
from tests.components.transform.small_content import SmallGraph, standard_content, standard_features
from tests.components.validation.mini_pipeline import user, write_split

# The graph has counted all rows: rows 0, 2 and 3 of the catalogue have indices 2, 0 and 1; 1 and 4 are unknown.
ITEMS = standard_features([2, 3, 0, 1, 3], genres=[[]] * 5)
CONTENT = standard_content(ITEMS, genres=1)


def test_a_phase_takes_back_what_other_rows_told_of_items():
    # In training rows occur 0 (three times) and 2 (once); 3 is of an eval row only, -1 outside the catalogue.
    train = UserSequences(
        user_ids=np.array([b"u", b"v"], object),
        items=RaggedRows(row_splits=np.array([0, 3, 5]), rows=np.array([0, 2, 0, 0, -1], np.int32)),
        parts=np.full(5, TRAIN_PART, np.int8),
    )
    phase = seeing(train, ITEMS, CONTENT, unknown=3, liked_from=2.0)
    assert phase.items.index.tolist() == [2, 3, 0, 3, 3]
    assert phase.frequencies.tolist() == [1, 0, 3, 0]
    assert phase.sequences is train
    assert phase.liked_from == 2.0
    assert ITEMS.index.tolist() == [2, 3, 0, 1, 3]


class Graph(SmallGraph):
    """Stands for the transform graph of five items."""

    def __init__(self):
        super().__init__(users=3, items=3, genres=1)

    def catalogue_features(self, catalogue):
        assert len(catalogue) == 5
        return ITEMS


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    rows = [
        user("u", ["m0", "m2", "m3", "m0"], [5.0, 4.0, 1.0, 3.0], [TRAIN_PART, TRAIN_PART, EVAL_PART, TEST_PART]),
        user("v", ["m2", "m3"], [1.0, 2.0], [EVAL_PART, TEST_PART]),
        user("w", ["m3", "m0"], [2.0, 5.0], [NEW_USER_PART, TEST_PART]),
    ]
    return {"sequences": [write_split(folder, "all", rows)], "liked_from": 2.0}


CATALOGUE = Catalogue(
    item_ids=np.array([b"m0", b"m1", b"m2", b"m3", b"m4"], object),
    titles=np.array([b""] * 5, object),
    genres=[[]] * 5,
)


def lists(phase):
    rows = phase.sequences.items
    return dict(zip(phase.sequences.user_ids, ([*map(int, rows[i])] for i in range(len(rows))), strict=True))


def test_the_training_that_eval_stops_sees_training_rows_alone(settings):
    first, final = read_phases(settings, Graph(), CATALOGUE)
    assert lists(first) == {b"u": [0, 2]}
    assert first.frequencies.tolist() == [1, 0, 1, 0]
    assert first.items.index.tolist() == [2, 3, 0, 3, 3]
    assert first.liked_from == 2.0
    assert final is None


def test_a_refit_sees_eval_rows_too_and_no_row_of_a_new_user(settings):
    first, final = read_phases({**settings, "refit": True}, Graph(), CATALOGUE)
    assert lists(first) == {b"u": [0, 2]}
    assert lists(final) == {b"u": [0, 2, 3], b"v": [2]}
    assert final.frequencies.tolist() == [2, 1, 1, 0]
    assert final.items.index.tolist() == [2, 3, 0, 1, 3]


def test_the_final_fit_sees_everything_at_once(settings):
    only, final = read_phases({**settings, "refit": True, "final_epochs": [4]}, Graph(), CATALOGUE)
    assert lists(only) == {b"u": [0, 2, 3, 0], b"v": [2, 3], b"w": [3, 0]}
    assert only.frequencies.tolist() == [2, 3, 3, 0]
    assert final is None
