"""A shop whose data change: the run over the new data says what is unlike those of the served version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.datasets import write_csv
from tests.end_to_end.command import LENIENT, NO_FINAL_FIT, Run, run

USERS, ITEMS, EACH = 60, 40, 10

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def shop(folder: Path, brands: str, years: int) -> tuple[str, ...]:
    """Options of a run over orders of that many years ago, and items of those brands in turn."""
    rng = np.random.default_rng(7)
    orders = [
        (f"u{user}", f"i{item}", 1_700_000_000 + years * 31_557_600 + 86_400 * place)
        for user in range(USERS)
        for place, item in enumerate(rng.permutation(ITEMS)[:EACH])
    ]
    items = [(f"i{item}", f"Thing {item}", brands[item % len(brands)]) for item in range(ITEMS)]
    folder.mkdir()
    files = (
        "--ratings", write_csv(folder / "orders.csv", ("user", "item", "timestamp"), orders),
        "--items", write_csv(folder / "items.csv", ("item", "title", "brand"), items),
    )  # fmt: skip
    return (*map(str, files), "--feature", "item.brand=category", "--set", "retrieval.epochs=2")


def drift_of(ended: Run) -> list[str]:
    return [notice for notice in ended.summary["notices"] if "drift since version" in notice]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    work = tmp_path_factory.mktemp("drift")
    before, after = shop(work / "before", "aab", 0), shop(work / "after", "bbbc", 0)
    return [run(work / "run", *options, *LENIENT, *NO_FINAL_FIT) for options in (before, after, before)]


def test_the_first_run_has_nothing_to_compare_with(runs):
    assert runs[0].done.code == 0, runs[0].done.text
    assert drift_of(runs[0]) == []


def test_the_run_over_other_data_names_the_feature_that_changed_and_its_report_every_distance(runs):
    first, second, _ = runs
    assert second.done.code == 0, second.done.text
    assert any("brand" in said for said in drift_of(second))
    assert all(f"drift since version {first.summary['push']['version']}:" in said for said in drift_of(second))
    assert f"Against the data of version {first.summary['push']['version']}" in second.report


def test_data_that_were_looked_at_before_are_looked_at_again_beside_what_is_served_now(runs):
    _, second, third = runs
    assert second.summary["push"]["pushed"]
    assert third.cached["Transform"]
    assert not third.cached["DataGate"]  # what drift is measured from is a part of the cache's key
    assert any(f"drift since version {second.summary['push']['version']}:" in said for said in drift_of(third))
