"""A shop whose customers buy again: the next day's baskets by the judged bundle and by simple recommenders.

    python -m benchmarks shop           generates the shop, runs it whole and prints the table
    python -m benchmarks shop --write   puts the table into docs/results.md

Generated (`numpy.random.default_rng(7)`): 20,000 customers, 3,000 products with price, brand and category, a year of
days without a time of day. A customer orders at a pace of his own. Each product of a basket is, with a chance of AGAIN,
one that he had before, the likelier the more often and the more recently; else any, by his categories, his purse and
the product's popularity: 47 % of all rows are re-orders. A third of the products come in the year.
The last day is test, the day before it eval (`split.kind=last_days`, `split.days=1`); everything else is the preset
`auto`, once whole and once without the part of the score that knows repeats (`retrieval.repeats_weight=0`, judged
alone). Differences are the Evaluator's, with their 95 % intervals over customers (docs/metrics.md).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.results_table import publish, table

CUSTOMERS, PRODUCTS, CATEGORIES, DAYS = 20_000, 3_000, 24, 365
FIRST_DAY = pd.Timestamp("2025-01-01")
AGAIN = 0.38
"""Chance that a product of a basket is chosen among what the customer had, where he had anything."""
FORGETS = 60.0
"""After so many days a purchase counts half as much."""


def main() -> None:
    """Generates, runs and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs/shop"), help="folder of the data and the run")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    orders, products = shop(np.random.default_rng(7))
    arguments.output.mkdir(parents=True, exist_ok=True)
    files = {"orders": arguments.output / "orders.csv", "products": arguments.output / "products.csv"}
    orders.to_csv(files["orders"], index=False)
    products.to_csv(files["products"], index=False)
    whole = run(arguments.output / "run", files)
    without = run(arguments.output / "without", files, "--set", "retrieval.repeats_weight=0", "--final-fit", "none")
    text = f"{about(orders)}\n\n{report(whole, without)}"
    print(text)
    if arguments.write:
        publish("shop", text)


def shop(
    rng: np.random.Generator, customers: int = CUSTOMERS, count: int = PRODUCTS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders (`customer_id`, `product_id`, `date`, `quantity`), oldest first, and products."""
    category = rng.choice(CATEGORIES, count, p=rng.dirichlet(np.full(CATEGORIES, 3.0)))
    price = np.exp(rng.normal(1.5, 0.8, count))
    appeal = rng.pareto(1.3, count) + 0.05
    since = np.where(rng.random(count) < 1 / 3, rng.integers(1, DAYS, count), 0)
    pace = np.clip(rng.gamma(0.8, 1 / 40, customers), 1 / 300, 1 / 3)  # orders a day
    purse = rng.normal(1.5, 0.5, customers)
    rows = []
    for customer in range(customers):
        likes = rng.dirichlet(np.full(CATEGORIES, 0.15))
        taste = appeal * likes[category] * np.exp(-(((np.log(price) - purse[customer]) / 0.8) ** 2) / 2) + 1e-6
        rows += _orders(rng, customer, taste, since, pace[customer])
    orders = pd.DataFrame(rows, columns=["customer_id", "product_id", "day"])
    orders = orders.sort_values("day", kind="stable").reset_index(drop=True)
    orders["date"] = (FIRST_DAY + pd.to_timedelta(orders.pop("day"), unit="D")).dt.strftime("%Y-%m-%d")
    orders["quantity"] = rng.geometric(0.7, len(orders))
    orders["customer_id"] = "c" + orders["customer_id"].astype(str).str.zfill(5)
    orders["product_id"] = "p" + orders["product_id"].astype(str).str.zfill(4)
    numbers = np.arange(count)
    products = pd.DataFrame(
        {
            "product_id": [f"p{number:04}" for number in numbers],
            "title": [f"Product {number} of category {one}" for number, one in zip(numbers, category, strict=True)],
            "category": [f"category {one}" for one in category],
            "brand": [f"brand {one}" for one in category * 10 + rng.integers(10, size=count)],
            "price": price.round(2),
        }
    )
    return orders, products


def _orders(rng: np.random.Generator, customer: int, taste: Any, since: Any, pace: float) -> list[tuple[int, int, int]]:
    """All rows of one customer: (customer, product, day)."""
    days = np.flatnonzero(rng.random(DAYS) < pace)
    days = days if len(days) else rng.integers(DAYS, size=1)
    had: dict[int, float] = {}  # product to its weight at `last`
    last, rows = 0, []
    for day in map(int, days):
        fade = 0.5 ** ((day - last) / FORGETS)
        had, last = {product: weight * fade for product, weight in had.items()}, day
        size = 1 + rng.poisson(3.0)
        again = rng.binomial(size, AGAIN) if had else 0
        chosen: set[int] = set()
        if had:
            names, weights = np.array(list(had)), np.array(list(had.values()))
            most = min(again, len(names))
            chosen |= set(map(int, rng.choice(names, most, replace=False, p=weights / weights.sum())))
        there = taste * (since <= day)
        chosen |= set(map(int, rng.choice(len(there), size - again, p=there / there.sum())))
        for product in sorted(chosen, key=lambda _: rng.random()):
            rows.append((customer, product, day))
            had[product] = had.get(product, 0.0) + 1.0
    return rows


def run(output: Path, files: dict[str, Path], *options: str) -> dict[str, Any]:
    """The summary of one run by the preset `auto`."""
    command = [str(Path(sys.executable).with_name("recommender")), "run", "--output", str(output)]
    command += ["--ratings", str(files["orders"]), "--items", str(files["products"]), "--columns", "weight=quantity"]
    for feature in ("category=category", "brand=category", "price=number"):
        command += ["--feature", f"item.{feature}"]
    command += ["--set", "split.kind=last_days", "--set", "split.days=1", *options]
    subprocess.run(command, check=True, stdout=sys.stderr)
    summary: dict[str, Any] = json.loads((output / "summary.json").read_text())
    return summary


def about(orders: pd.DataFrame) -> str:
    """What was generated, in a sentence."""
    again = orders.duplicated(["customer_id", "product_id"]).mean()
    return (
        f"{len(orders):,} rows of {orders['customer_id'].nunique():,} customers and {orders['product_id'].nunique():,} "
        f"products, {again:.1%} of them re-orders; of the last day "
        f"{(orders['date'] == orders['date'].iloc[-1]).sum():,} rows."
    )


def report(whole: dict[str, Any], without: dict[str, Any]) -> str:
    """The judged figures of both runs beside the peer and popularity."""
    figures, others = whole["evaluation"]["metrics"], without["evaluation"]["metrics"]
    lines = []
    for name, figure in figures.items():
        if not name.startswith(("recall", "ndcg", "mrr", "coverage")) or "_minus_" in name:
            continue
        line = [name.replace("_at_", "@"), figure["model"], others[name]["model"], figure["peer"], figure["baseline"]]
        difference = figures.get(f"{name}_minus_peer")
        ends = "{model:+.4f} ({lower:+.4f} to {upper:+.4f})".format(**difference) if difference else ""
        lines.append([line[0], *(f"{value:.4f}" for value in line[1:]), ends])
    header = [
        "metric",
        "this project",
        "without repeats",
        whole["evaluation"]["peer"],
        "popularity",
        "minus the peer (95 %)",
    ]
    return table(header, lines)


if __name__ == "__main__":
    main()
