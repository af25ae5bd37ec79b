"""Daily spans of a year: a run a day that starts from the served version's weights, beside runs that start anew.

    python -m benchmarks days           generates the shop, runs every day twice and prints the table
    python -m benchmarks days --write   puts the table into docs/results.md
    python -m benchmarks days --customers 40000 --products 6000 --spans 2 --write   the same of ten times as many rows

The shop is that of `benchmarks/shop.py` with 4,000 customers and 1,500 products. Every day is a span: a run reads it,
tests on it (`split.kind=last_days`, a day) and pushes what is blessed. Both chains keep their rows (`--append`), so
ingestion costs them the same; the warm one has `training.warm_start=true`. Figures are of the judged bundles on the
same rows of the day; seconds are of the stages, one run after the other on the same machine. Two last days are
poisoned: by four times as many rows of customers who buy three products that hardly anybody bought, or by nine times
as many of customers who buy anything by chance.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.results_table import publish, table
from benchmarks.shop import shop

CUSTOMERS, PRODUCTS, SPANS = 4_000, 1_500, 10
READING, TRAINING = ("ExampleGen",), ("RetrievalTrainer", "FinalFit")
POISONED = "2026-01-01"
FIGURES = ("ndcg_at_10", "recall_at_10")


def main() -> None:
    """Generates, runs and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs/days"), help="folder of the data and the runs")
    parser.add_argument("--spans", type=int, default=SPANS, help="how many days are run")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="of the shop")
    parser.add_argument("--products", type=int, default=PRODUCTS, help="of the shop")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    orders, products = shop(np.random.default_rng(7), arguments.customers, arguments.products)
    days = write_days(arguments.output, orders, products, arguments.spans)
    chains: dict[str, list[dict[str, Any]]] = {"anew": [], "warm": []}
    first = [run(arguments.output, name, days[0], warm=False) for name in chains]  # both begin with the same version
    for day in days[1:]:
        for name, summaries in chains.items():
            summaries.append(run(arguments.output, name, day, warm=name == "warm"))
    refused = {}
    robots = (("three products", 3, 4), ("any product", None, 9))
    for name, rare, times in robots if arguments.customers == CUSTOMERS else ():
        poison(arguments.output, orders, rare, times)
        refused[name] = refusal(arguments.output, POISONED)
    text = report(orders, days[1:], first, chains, refused)
    print(text)
    if arguments.write:
        publish("days" if arguments.customers == CUSTOMERS else "days-large", text)


def write_days(folder: Path, orders: pd.DataFrame, products: pd.DataFrame, spans: int) -> list[str]:
    """A file of all that was before, one a span, and the products; the names of the spans, the first of them the last
    day before."""
    folder.mkdir(parents=True, exist_ok=True)
    days = sorted(orders["date"].unique())[-spans - 1 :]
    orders[orders["date"] < days[0]].to_csv(folder / "before.csv", index=False)
    for day in days:
        orders[orders["date"] == day].to_csv(folder / f"day-{day}.csv", index=False)
    products.to_csv(folder / "products.csv", index=False)
    return days


def poison(folder: Path, orders: pd.DataFrame, rare: int | None, times: int) -> None:
    """A day more, with so many times as many rows of robots, who buy so many products, the rarest; None: any."""
    rng = np.random.default_rng(11)
    honest = orders[orders["date"] == orders["date"].max()]
    bought = orders["product_id"].value_counts().index
    bought = bought if rare is None else bought[-rare:]
    size = times * len(honest)
    robots = pd.DataFrame(
        {
            "customer_id": rng.choice(orders["customer_id"].unique(), size),
            "product_id": rng.choice(np.array(bought), size),
            "quantity": 1,
        }
    ).drop_duplicates(["customer_id", "product_id"])
    both = pd.concat([honest, robots]).assign(date=POISONED)
    both.to_csv(folder / f"day-{POISONED}.csv", index=False)


def run(folder: Path, name: str, day: str, *, warm: bool) -> dict[str, Any]:
    """The summary of the run of one day."""
    subprocess.run(command_of(folder, name, day, warm=warm), check=True, stdout=sys.stderr)
    summary: dict[str, Any] = json.loads((folder / name / "summary.json").read_text())
    return summary


def refusal(folder: Path, day: str) -> str:
    """What the warm chain says of a day that it refuses."""
    command = command_of(folder, "warm", day, warm=True)
    ended = subprocess.run([*command, "--require-blessing"], stdout=sys.stderr, stderr=subprocess.PIPE, text=True)
    found = re.search(r"error: (.*)", ended.stderr) or re.search(r"note: refused: (.*)", ended.stderr)
    return found[1] if ended.returncode and found else ""


def command_of(folder: Path, name: str, day: str, *, warm: bool) -> list[str]:
    """The command of one day."""
    command = [str(Path(sys.executable).with_name("recommender")), "run", "--output", str(folder / name)]
    command += ["--ratings", f"{folder}/before.csv,{folder}/day-{{YYYY}}-{{MM}}-{{DD}}.csv", "--append", day]
    command += ["--items", str(folder / "products.csv"), "--columns", "weight=quantity"]
    for feature in ("category=category", "brand=category", "price=number"):
        command += ["--feature", f"item.{feature}"]
    command += ["--set", "split.kind=last_days", "--set", "split.days=1"]
    return [*command, "--set", f"training.warm_start={str(warm).lower()}"]


def seconds(summary: dict[str, Any], *stages: str) -> float:
    """Seconds of some stages; without names of all."""
    return float(sum(one["seconds"] for one in summary["stages"] if not stages or one["id"] in stages))


def figures(summary: dict[str, Any]) -> list[float]:
    """The judged bundle's figures."""
    return [summary["evaluation"]["metrics"][name]["model"] for name in FIGURES]


def report(
    orders: pd.DataFrame,
    days: list[str],
    first: list[dict[str, Any]],
    chains: dict[str, list[dict[str, Any]]],
    refused: dict[str, str],
) -> str:
    """The table by day, the means with the interval of the paired difference, and what became of the poisoned days."""
    lines = []
    for number, day in enumerate(days):
        cells: list[str] = [day, f"{(orders['date'] == day).sum():,}"]
        for name in chains:
            summary = chains[name][number]
            cells += [f"{value:.4f}" for value in figures(summary)]
            cells += [f"{seconds(summary, *TRAINING):.0f}", f"{seconds(summary):.0f}"]
            cells.append("yes" if summary["evaluation"]["blessed"] else "no")
        lines.append(cells)
    header = ["day", "rows"]
    for name in chains:
        header += [f"{name}: NDCG@10", "recall@10", "training, s", "run, s", "blessed"]
    means = {name: np.mean([figures(one) for one in found], axis=0) for name, found in chains.items()}
    differences = [figures(w)[0] - figures(a)[0] for a, w in zip(chains["anew"], chains["warm"], strict=True)]
    error = statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    ratio = sum(seconds(one, *TRAINING) for one in chains["warm"]) / sum(
        seconds(one, *TRAINING) for one in chains["anew"]
    )
    read = statistics.mean(seconds(one, *READING) for found in chains.values() for one in found)
    poisoned = "\n".join(
        f"- A day of robots who buy {name}: {f'refused: {words}' if words else 'not refused'}."
        for name, words in refused.items()
    )
    whole = sum(map(seconds, chains["warm"])) / sum(map(seconds, chains["anew"]))
    return (
        f"{len(orders):,} rows of a year, {orders['customer_id'].nunique():,} customers, "
        f"{orders['product_id'].nunique():,} products; {len(days)} days, each a span.\n\n{table(header, lines)}\n\n"
        f"Mean NDCG@10 {means['warm'][0]:.4f} warm and {means['anew'][0]:.4f} anew (difference "
        f"{statistics.mean(differences):+.4f}, 95 % {statistics.mean(differences) - 1.96 * error:+.4f} to "
        f"{statistics.mean(differences) + 1.96 * error:+.4f} over days), recall@10 {means['warm'][1]:.4f} and "
        f"{means['anew'][1]:.4f}. Training takes {ratio:.2f} of the seconds of training anew, the whole run "
        f"{whole:.2f}. Reading a day and merging it: {read:.1f} s on average; reading the whole year: "
        f"{statistics.mean(seconds(one, *READING) for one in first):.1f} s.\n\n{stages(first, chains)}\n\n{poisoned}"
    )


def stages(first: list[dict[str, Any]], chains: dict[str, list[dict[str, Any]]]) -> str:
    """A table of the stages that take a second somewhere: the first run of the whole year, and the mean of the days."""
    runs = {"the year, anew": first, **{f"a day, {name}": found for name, found in chains.items()}}
    names = [one["id"] for one in first[0]["stages"]]
    names += [one["id"] for one in chains["warm"][0]["stages"] if one["id"] not in names]
    mean = {
        name: {which: statistics.mean(seconds(one, name) for one in found) for which, found in runs.items()}
        for name in names
    }
    lines = [
        [name, *(f"{value:.1f}" for value in found.values())]
        for name, found in mean.items()
        if max(found.values()) >= 1
    ]
    whole = ["the whole run", *(f"{statistics.mean(map(seconds, found)):.0f}" for found in runs.values())]
    return table(["stage, s", *runs], [*lines, whole])


if __name__ == "__main__":
    main()
