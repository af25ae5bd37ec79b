"""Scores of the quality benchmark, from the files that `recommender score` and `predict` write.

Nothing of the pipeline is used here: what counts is the answer as a client gets it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

DEPTH = 100
"""Items of a list that are looked at."""


def list_scores(
    lists: pd.DataFrame, seen: pd.DataFrame, wanted: pd.DataFrame, items: int
) -> dict[str, tuple[float, float]]:
    """Metrics of lists over users with a wanted item, each with its standard error (NaN for coverage).

    With `hits` a user's wanted items among the first k of the list and `wanted` all of them:
    hr@k = hits > 0; recall@k = hits / wanted; ndcg@k = sum of 1 / log2(position + 1) over hits, by the
    same sum over positions 1 to min(k, wanted); mrr@100 = 1 / position of the first hit, 0 without one.
    All are means over users; a user without a list counts 0. Items that the user has seen are left
    out of the list, the rest moves up, and are never wanted. coverage@10 = items that are in
    somebody's first 10, by all items.

    Args:
      lists: user, item, rank (1 is the best).
      seen: user, item of all rows that were known.
      wanted: user, item of the test rows.
      items: Size of the catalogue.
    """
    known = _pairs(seen)
    wanted = wanted[["user", "item"]].drop_duplicates()
    wanted = wanted[~_pairs(wanted).isin(known)]
    totals = wanted.groupby("user").size()
    lists = lists[lists["user"].isin(totals.index)]
    lists = lists[~_pairs(lists).isin(known)].sort_values(["user", "rank"])
    position = lists.groupby("user").cumcount() + 1
    hit = _pairs(lists).isin(_pairs(wanted)) & (position <= DEPTH)
    hits = pd.DataFrame({"user": lists["user"], "position": position})[hit]
    gains = 1 / np.log2(np.arange(DEPTH) + 2)
    ideal = np.concatenate([[0.0], np.cumsum(gains)])

    def per_user(values: pd.Series) -> npt.NDArray[np.float64]:
        return values.reindex(totals.index, fill_value=0.0).to_numpy(np.float64)

    scores: dict[str, npt.NDArray[np.float64]] = {}
    for k in (5, 10, 20, 50, 100):
        within = hits[hits["position"] <= k]
        found = per_user(within.groupby("user").size())
        gained = within.assign(gain=gains[within["position"].to_numpy() - 1]).groupby("user")["gain"].sum()
        scores[f"hr@{k}"] = (found > 0).astype(np.float64)
        scores[f"recall@{k}"] = found / totals.to_numpy()
        scores[f"ndcg@{k}"] = per_user(gained) / ideal[np.minimum(totals.to_numpy(), k)]
    scores["mrr@100"] = per_user(1 / hits.groupby("user")["position"].min())
    result = {name: (float(values.mean()), _standard_error(values)) for name, values in scores.items()}
    shown = lists[position <= 10]["item"].nunique()
    return result | {"coverage@10": (shown / items, float("nan"))}


def rating_scores(
    predictions: pd.DataFrame, rated: pd.DataFrame, known: pd.DataFrame
) -> dict[str, tuple[float, float]]:
    """mse, rmse and mae over rows, each with its standard error.

    Predictions are cut to the range of the known ratings. The error of rmse is that of mse by 2 * rmse.

    Args:
      predictions: user, item, prediction: one for each row of `rated`.
      rated: user, item, rating of the test rows.
      known: The rows that were known, for the range.

    Raises:
      ValueError: A row has no prediction, or two.
    """
    joined = rated.merge(predictions, on=["user", "item"], how="left", validate="many_to_one")
    if joined["prediction"].isna().any():
        raise ValueError(f"{joined['prediction'].isna().sum()} of {len(joined)} rows have no prediction")
    cut = joined["prediction"].clip(known["rating"].min(), known["rating"].max())
    errors = (cut - joined["rating"]).to_numpy(np.float64)
    squared, absolute = errors**2, np.abs(errors)
    rmse = float(np.sqrt(squared.mean()))
    return {
        "mse": (float(squared.mean()), _standard_error(squared)),
        "rmse": (rmse, _standard_error(squared) / (2 * rmse) if rmse else 0.0),
        "mae": (float(absolute.mean()), _standard_error(absolute)),
    }


def _pairs(rows: pd.DataFrame) -> pd.Series:
    """Each row's user and item as one value."""
    return pd.Series(list(zip(rows["user"], rows["item"], strict=True)), index=rows.index, dtype=object)


def _standard_error(values: npt.NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
