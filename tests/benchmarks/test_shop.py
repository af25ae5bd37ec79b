"""The generated shop is what the benchmark's head says of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.shop import about, report, shop


@pytest.fixture(scope="module")
def generated():
    return shop(np.random.default_rng(1), customers=400, count=300)


def test_nearly_half_of_the_rows_are_re_orders_of_days_in_their_order(generated):
    orders, products = generated
    assert list(orders) == ["customer_id", "product_id", "date", "quantity"]
    assert orders["customer_id"].nunique() == 400
    assert orders["date"].is_monotonic_increasing
    assert pd.to_datetime(orders["date"]).dt.year.eq(2025).all()
    assert 0.4 < orders.duplicated(["customer_id", "product_id"]).mean() < 0.65  # of few products more comes again
    assert not orders.duplicated(["customer_id", "product_id", "date"]).any()
    assert set(orders["product_id"]) <= set(products["product_id"])
    assert orders["quantity"].min() == 1
    last = orders["date"].eq(orders["date"].iloc[-1]).sum()
    assert f"of the last day {last} rows" in about(orders)


def test_what_is_bought_again_is_what_was_bought_often(generated):
    orders, _ = generated
    first, second = orders[orders["date"] < "2025-07-01"], orders[orders["date"] >= "2025-07-01"]
    counts = first.groupby(["customer_id", "product_id"]).size()
    again = counts.index.isin(pd.MultiIndex.from_frame(second[["customer_id", "product_id"]]))
    assert again[counts >= 3].mean() > again[counts == 1].mean() + 0.1


def test_the_table_has_both_runs_beside_the_peer():
    def run(model: float, peer: float) -> dict:
        figure = {"model": model, "peer": peer, "baseline": 0.1}
        difference = {"model": model - peer, "lower": 0.0, "upper": 0.2}
        metrics = {"users": {"model": 9}, "recall_at_10": figure, "recall_at_10_minus_peer": difference}
        return {"evaluation": {"metrics": metrics, "peer": "what the user had most"}}

    header, _, line = report(run(0.5, 0.4), run(0.3, 0.4)).splitlines()
    assert (
        header
        == "| metric | this project | without repeats | what the user had most | popularity | minus the peer (95 %) |"
    )
    assert line == "| recall@10 | 0.5000 | 0.3000 | 0.4000 | 0.1000 | +0.1000 (+0.0000 to +0.2000) |"
