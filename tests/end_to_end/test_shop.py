"""A shop whose customers buy again: repeats are kept, judged as hits and recommended, and all rows are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from serving.model import LoadedBundle
from tests.datasets import write_csv
from tests.end_to_end.command import LENIENT, run

USERS, ITEMS, ORDERS = 150, 60, 12
FAVOURITES = 4


def orders() -> list[tuple[str, str, int, int]]:
    """Every customer buys mostly four favourites, again and again, a basket of three a week, sorted by item."""
    rng = np.random.default_rng(5)
    rows = []
    for user in range(USERS):
        group = user % 4
        favourites = group * 15 + rng.choice(15, FAVOURITES, replace=False)
        for order in range(ORDERS):
            when = 1_700_000_000 + order * 7 * 86_400
            chosen = set(rng.choice(favourites, 2, replace=False)) | {int(rng.integers(ITEMS))}
            rows += [(f"c{user}", f"sku{item:02}", when, int(rng.integers(1, 4))) for item in chosen]
    return sorted(rows, key=lambda row: (row[2], row[1]))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    path = write_csv(folder / "orders.csv", ("customer_id", "sku", "date", "quantity"), orders())
    settings = ("--set", "retrieval.epochs=8", "--set", "split.kind=last_days", "--set", "split.days=7")
    return run(folder / "run", "--ratings", path, "--columns", "weight=quantity", *settings, *LENIENT)


@pytest.fixture(scope="module")
def bundle(shop):
    return LoadedBundle(shop.summary["push"]["path"])


def test_it_is_pushed_and_judged_beside_what_each_customer_bought_most(shop):
    assert shop.done.code == 0, shop.done.text
    assert shop.summary["push"]["pushed"]
    assert shop.summary["evaluation"]["peer"].startswith("what the user had most")
    recall = next(figure for name, figure in shop.summary["evaluation"]["metrics"].items() if name.startswith("recall"))
    assert recall["peer"] > 2 * recall["baseline"]  # two of three items of a basket are one of four favourites


def test_what_a_customer_has_bought_is_recommended_again(bundle):
    bought = {item for user, item, *_ in orders() if user == "c7"}
    (answer,) = bundle.recommend(["c7"], n=10)
    assert bought & {item.id for item in answer.items}


def test_that_it_was_had_before_has_a_part_in_the_score_which_the_final_fit_takes_over(shop, bundle):
    runs = [shop.folder.artifacts / stage for stage in ("RetrievalTrainer", "FinalFit")]
    judged, final = (json.loads(next(run.rglob("settings.json")).read_text()) for run in runs)
    assert judged["repeats_weight"] > 0
    for name in ("repeats_weight", "repeats_half_life"):
        assert final[name] == judged[name]
    bought = {item for user, item, *_ in orders() if user == "c7"}
    (answer,) = bundle.recommend(["c7"], n=4)
    assert len(bought & {item.id for item in answer.items}) >= 3  # two of three rows are favourites, bought again


def test_what_is_pushed_has_seen_every_row_and_its_judged_twin_lies_beside_it(shop, bundle):
    rows = sum(shop.summary["data"]["rows"].values())
    assert bundle.facts["fit_on"] == "all"
    assert bundle.facts["training_rows"] == rows
    version = Path(shop.summary["push"]["path"])
    twin = json.loads((version.parent / "judged" / version.name / "assets.extra" / "bundle.json").read_text())
    assert twin["fit_on"] == "train"
    assert twin["training_rows"] == shop.summary["data"]["rows"]["train"]


def test_the_run_says_what_it_made_of_the_data(shop):
    profile = json.loads(next((shop.folder.artifacts / "ExampleGen" / "profile").glob("*/profile.json")).read_text())
    assert (profile["split"], profile["ties"], profile["leave_out_seen"]) == ("last_days", "hash", "never")
    assert profile["columns"] == "user = customer_id, item = sku, timestamp = date, weight = quantity"
