"""The generated data: their shape, and that there is something to learn in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from components.ingestion.demo import write_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, users=500, items=800, ratings=40_000, seed=3)
    return pd.read_csv(folder / "ratings.csv"), pd.read_csv(folder / "movies.csv")


def parted(ratings: pd.DataFrame, items: pd.DataFrame) -> tuple[np.ndarray, ...]:
    """User numbers, item numbers, stars, and whether a row is among the user's last five."""
    ratings = ratings.sort_values(["userId", "timestamp", "movieId"])
    last = ratings.groupby("userId").cumcount(ascending=False).to_numpy() < 5
    numbers = pd.Series(range(len(items)), index=items["movieId"])
    return ratings["userId"].to_numpy() - 1, numbers[ratings["movieId"]].to_numpy(), ratings["rating"].to_numpy(), last


def test_sizes_are_as_asked_and_everybody_rates_twenty(demo):
    ratings, items = demo
    assert len(items) == 800
    assert ratings["userId"].nunique() == 500
    assert 0.85 * 40_000 <= len(ratings) <= 40_000
    assert ratings.groupby("userId").size().min() >= 20


def test_rows_look_like_movielens(demo):
    ratings, items = demo
    assert set(ratings["rating"]) <= set(np.arange(1, 11) / 2)
    assert not ratings.duplicated(["userId", "movieId"]).any()
    assert set(ratings["movieId"]) <= set(items["movieId"])
    assert ratings["timestamp"].between(852_076_800, 1_600_000_000).all()
    assert items["title"].str.fullmatch(r"\S.*\S \((19|20)\d\d\)").all()
    assert items["title"].is_unique
    assert items["movieId"].is_unique


def test_no_film_is_rated_before_it_came_out(demo):
    ratings, items = demo
    years = items.set_index("movieId")["title"].str.extract(r"\((\d{4})\)$")[0].astype(int)
    rated = pd.to_datetime(ratings["timestamp"], unit="s").dt.year
    assert (rated >= ratings["movieId"].map(years)).all()


def test_a_fifth_of_the_films_has_most_of_the_ratings_of_an_even_spread_twice_over(demo):
    counts = demo[0]["movieId"].value_counts().to_numpy()
    assert counts[: len(counts) // 5].sum() > 0.4 * counts.sum()


def test_the_same_arguments_make_the_same_files_and_another_seed_others(tmp_path):
    written = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        write_demo(tmp_path / name, users=20, items=60, ratings=600, seed=seed)
        written.append([(tmp_path / name / file).read_bytes() for file in ("ratings.csv", "movies.csv")])
    assert written[0] == written[1]
    assert written[0][0] != written[2][0]


@pytest.mark.parametrize(("users", "items", "ratings"), [(1, 1, 1), (1, 50, 30), (50, 1, 100), (3, 4, 10**6)])
def test_tiny_sizes_work(tmp_path, users, items, ratings):
    write_demo(tmp_path, users=users, items=items, ratings=ratings, seed=1)
    frame = pd.read_csv(tmp_path / "ratings.csv")
    assert frame["userId"].nunique() == users
    assert len(pd.read_csv(tmp_path / "movies.csv")) == items


def test_what_similar_people_watch_beats_popularity_by_far(demo):
    users, items, _, last = parted(*demo)
    seen = np.zeros((500, 800))
    seen[users[~last], items[~last]] = 1
    popularity = seen.sum(0)
    similarity = seen.T @ seen / np.sqrt(np.outer(popularity, popularity) + 1)
    np.fill_diagonal(similarity, 0)

    def recall(scores: np.ndarray) -> float:
        top = np.argsort(-np.where(seen > 0, -np.inf, scores), axis=1)[:, :80]
        return float((top[users[last]] == items[last][:, None]).any(1).mean())

    assert recall(seen @ similarity) > recall(np.tile(popularity, (500, 1))) + 0.08


def test_recent_films_tell_more_about_the_next_one_than_early_ones(demo):
    users, items, _, last = parted(*demo)
    first_film, genres = np.zeros(500, int), demo[1]["genres"].str.get_dummies("|").to_numpy()
    latest_film = np.zeros(500, int)
    for user, item in zip(users[~last][::-1], items[~last][::-1], strict=True):
        first_film[user] = item
    for user, item in zip(users[~last], items[~last], strict=True):
        latest_film[user] = item
    next_genres = genres[items[last]]
    shared_with_latest = (next_genres * genres[latest_film[users[last]]]).sum(1).mean()
    shared_with_first = (next_genres * genres[first_film[users[last]]]).sum(1).mean()
    assert shared_with_latest > 1.2 * shared_with_first


def test_tastes_can_be_learned_from_ratings(demo):
    users, items, stars, last = parted(*demo)
    train = ~last
    residual = stars - stars[train].mean()
    for numbers in (items, users):
        sums = np.bincount(numbers[train], residual[train], minlength=800)
        residual = residual - (sums / (np.bincount(numbers[train], minlength=800) + 5))[numbers]
    rng = np.random.default_rng(0)
    factors = {"user": rng.normal(0, 0.1, (500, 8)), "item": rng.normal(0, 0.1, (800, 8))}
    for _ in range(10):  # alternating least squares
        for own, own_numbers, other, other_numbers in (
            ("user", users, "item", items),
            ("item", items, "user", users),
        ):
            for number in range(len(factors[own])):
                rows = train & (own_numbers == number)
                vectors = factors[other][other_numbers[rows]]
                factors[own][number] = np.linalg.solve(vectors.T @ vectors + 5 * np.eye(8), vectors.T @ residual[rows])
    predicted = (factors["user"][users] * factors["item"][items]).sum(1)
    bias_error = np.sqrt((residual[last] ** 2).mean())
    assert np.sqrt(((residual - predicted)[last] ** 2).mean()) < 0.98 * bias_error
