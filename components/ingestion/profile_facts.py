"""What data are, in words, from the profile that ingestion wrote of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Profile = Mapping[str, Any]


def facts(profile: Profile) -> list[tuple[str, str]]:
    """What the data are, as names and values."""
    return [(name, value) for name, value in _facts(profile) if value]


def _facts(profile: Profile) -> Iterator[tuple[str, str]]:
    splits = {split["name"]: split for split in profile["splits"]}
    rows = sum(split["rows"] for split in splits.values())
    yield "source", profile["source"]
    yield "columns", profile["columns"]
    yield "not used", ", ".join(profile["unused_columns"])
    yield "features", ", ".join(profile.get("features", ()))
    yield "interactions", f"{rows:,} of {profile['users']:,} users with {profile['items']:,} items"
    yield "per user", f"{rows / max(1, profile['users']):.1f} on average, {profile['heaviest_user']:,} at most"
    density = rows / max(1, profile["users"] * profile["items"])
    yield "density", f"{100 * density:.2g} % of all pairs of user and item"
    yield "never touched", _share(profile["untouched_items"], profile["items"], "items")
    if profile["has_timestamps"]:
        first = min(split["first"] for split in splits.values() if split["first"] is not None)
        last = max(split["last"] for split in splits.values() if split["last"] is not None)
        yield "times", f"{profile['times']}: {_day(first)} to {_day(last)}"
        how = {"place": "by their place in the source", "hash": "drawn by a hash: their order means nothing"}
        yield "ties", f"{100 * profile['tie_share']:.1f} % of the rows share their user's time, {how[profile['ties']]}"
    if profile["has_ratings"]:
        scale = profile["rating_scale"]
        values = " ".join(f"{value:g}" for value in scale) if len(scale) <= 12 else f"{scale[0]:g} to {scale[-1]:g}"
        yield "ratings", values
        yield "dislikes", "" if profile["liked_from"] is None else f"below {profile['liked_from']:g}"
    yield "events", ", ".join(f"{name or '(empty)'} {count:,}" for name, count in list(profile["events"].items())[:10])
    yield "repeats", f"{100 * profile['repeat_share']:.1f} % of the rows repeat an item of their user"
    yield "lists leave out what was seen", profile["leave_out_seen"]
    yield "left out", ", ".join(f"{count:,} {fault.replace('_', ' ')}" for fault, count in profile["left_out"].items())
    yield "joined or dropped as the same", f"{profile['duplicates_dropped']:,}" if profile["duplicates_dropped"] else ""
    yield "split", f"{profile['split']}: " + ", ".join(f"{name} {one['rows']:,}" for name, one in splits.items())


def _share(count: int, of: int, what: str) -> str:
    return f"{count:,} {what} ({100 * count / max(1, of):.0f} %)" if count else ""


def _day(seconds: int) -> str:
    return str(np.datetime64(seconds, "s").astype("datetime64[D]"))  # of any year
