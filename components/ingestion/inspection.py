"""What a source holds and what to expect of a run, before anything is trained: the data report, as lines for people."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from components.feature_specs import FeatureSpec
from components.ingestion.config import DataConfig, SplitConfig
from components.ingestion.ingestion import Ingestion
from components.ingestion.profile_facts import Profile
from components.ingestion.workspace import Workspace
from components.seen_rule import SeenRule

FEW_ROWS, FEW_USERS = 2_000, 50
"""Rows and users below either of which a verdict is mostly chance."""

MEASURED = ((840, 60), (100_000, 110), (1_000_000, 640))
"""Rows and seconds of whole runs on two cores (docs/results.md)."""


def inspect(
    data: DataConfig, split: SplitConfig, leave_out_seen: str = "auto", specs: Sequence[FeatureSpec] = ()
) -> dict[str, Any]:
    """Reads, sorts and splits a source as a run would, writes nothing, and returns its profile (ingestion.py).

    Raises:
      InputError: The data cannot be used.
    """
    with Workspace(data.memory_limit, data.encoding) as workspace:
        rule = SeenRule.parse(leave_out_seen)
        return Ingestion(data, split, workspace, refit=False, leave_out_seen=rule, specs=specs).profile()


def advice(profile: Profile) -> list[str]:
    """What a person should know before a run: each line says what it means and what to do."""
    return list(_advice(profile))


def _advice(profile: Profile) -> Iterator[str]:
    splits = {split["name"]: split for split in profile["splits"]}
    rows = sum(split["rows"] for split in splits.values())
    judged = splits["test"]["users"]
    if rows < FEW_ROWS or judged < FEW_USERS:
        yield (
            f"{rows:,} rows and {judged:,} judged users are few: figures will have wide intervals, and a bundle may be "
            "refused for want of proof. Some thousand rows of a hundred users are a beginning."
        )
    minutes = max(1, round(expected_seconds(rows) / 60))
    yield f"A run on two cores takes about {minutes} min, by the runs in docs/results.md."
    if profile["heaviest_user"] > 0.05 * rows and profile["users"] > 20:
        yield (
            f"One user has {100 * profile['heaviest_user'] / rows:.0f} % of all rows: a guest account or a robot "
            "teaches what nobody likes. Leave it out of the file."
        )
    if profile["untouched_items"] > profile["items"] / 2:
        yield "Most items of the catalogue were never touched: they can be recommended by their categories alone."
    if not profile["has_timestamps"]:
        yield "Without times the split is random, and nothing is known of what comes next: name a time column."
    if not profile["has_ratings"]:
        yield "Without ratings only lists are trained and judged."
    if not profile["has_ratings"] and profile["repeat_share"] >= 0.1 and profile["leave_out_seen"] == "always":
        yield "Rows repeat, and lists leave out what was seen: --set bundle.leave_out_seen=never recommends it again."


def expected_seconds(rows: int) -> float:
    """Seconds of a whole run on two cores, between the measured ones and beyond them in proportion."""
    for (fewer, least), (more, most) in itertools.pairwise(MEASURED):
        if rows <= more:
            share = max(0, rows - fewer) / (more - fewer)
            return least + share * (most - least)
    last_rows, last_seconds = MEASURED[-1]
    return last_seconds * rows / last_rows
