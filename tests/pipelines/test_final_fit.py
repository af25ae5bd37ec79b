"""What goes live has learned from: which rows, by configuration and split."""

from __future__ import annotations

import pytest

from components.errors import InputError
from pipelines.config import load
from pipelines.pipeline import knows_before_test, resolve_final_fit


@pytest.mark.parametrize(
    ("settings", "split", "expected"),
    [
        ((), "leave_last", "all"),
        ((), "random", "all"),
        ((), "presplit", "train_eval"),  # others score the answers, which must not have seen the questions
        (("bundle.known_rows=before_test",), "leave_last", "train_eval"),
        (("bundle.known_rows=all",), "presplit", "train_eval"),
        (("training.strategy=multi_worker",), "leave_last", "train_eval"),  # FinalFit is one process
        (("training.final_fit=none",), "leave_last", "none"),
        (("training.final_fit=train_eval",), "random", "train_eval"),
        (("training.final_fit=none",), "presplit", "none"),
        (("training.final_fit=all", "bundle.known_rows=all"), "presplit", "all"),
        (("training.final_fit=all", "training.strategy=mirrored"), "leave_last", "all"),
    ],
)
def test_which_rows_what_goes_live_learns_from(settings, split, expected):
    assert resolve_final_fit(load("demo", settings), split) == expected


@pytest.mark.parametrize(
    ("settings", "split", "named"),
    [
        (("bundle.known_rows=before_test",), "leave_last", "bundle.known_rows = before_test"),
        ((), "presplit", "bundle.known_rows = before_test"),
        (("training.strategy=multi_worker",), "leave_last", "training.strategy = multi_worker"),
    ],
)
def test_everything_cannot_be_learned_where_the_test_rows_are_to_be_unknown_or_by_several_workers(
    settings, split, named
):
    with pytest.raises(InputError, match=named):
        resolve_final_fit(load("demo", ["training.final_fit=all", *settings]), split)


def test_weights_that_know_eval_rows_cannot_be_chosen_by_them():
    warm = "training.warm_start=true"
    assert resolve_final_fit(load("demo", [warm]), "leave_last") == "all"
    assert resolve_final_fit(load("demo", [warm, "training.final_fit=none"]), "presplit") == "none"
    for settings, split in (([], "presplit"), (["training.final_fit=train_eval"], "random")):
        with pytest.raises(InputError, match="warm_start does not go with"):
            resolve_final_fit(load("demo", [warm, *settings]), split)


def test_what_the_served_signatures_know():
    assert not knows_before_test(load("demo"), "leave_last")
    assert knows_before_test(load("demo"), "presplit")
    assert not knows_before_test(load("demo", ["bundle.known_rows=all"]), "presplit")


@pytest.mark.parametrize("setting", ["training.final_fit=some", "bundle.leave_out_seen=for_days:0"])
def test_a_setting_that_there_is_not(setting):
    with pytest.raises(InputError, match=setting.partition("=")[0]):
        load("demo", [setting])
