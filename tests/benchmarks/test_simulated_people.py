"""The people of the simulation: what they know, when films come out, and that taste tells what they take."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.simulated_people import DAY_SECONDS, FILMS, NEW_FILMS_A_DAY, NEW_PEOPLE, USERS, Town

START = 1_790_000_000 - 1_790_000_000 % DAY_SECONDS


@pytest.fixture(scope="module")
def town():
    return Town(days=2, start=START)


def test_the_history_is_of_before_and_knows_nothing_new(town, tmp_path):
    assert town.history["timestamp"].max() < START
    assert town.history["userId"].nunique() == USERS - NEW_PEOPLE
    town.write_films(tmp_path / "before.csv", 0)
    town.write_films(tmp_path / "second.csv", 2)
    before, second = (pd.read_csv(tmp_path / name)["movieId"] for name in ("before.csv", "second.csv"))
    assert (len(before), len(second)) == (FILMS - 2 * NEW_FILMS_A_DAY, FILMS)
    assert set(town.history["movieId"]) <= set(before)


def test_visits_are_of_the_day_and_in_order(town):
    visits = list(town.visits(2))
    times = [visit.time for visit in visits]
    assert times[0] >= START + DAY_SECONDS and times[-1] < START + 2 * DAY_SECONDS and times == sorted(times)
    people = {visit.person for visit in visits}
    assert 0.4 * USERS < len(people) < 0.6 * USERS and len(visits) == 3 * len(people)


def test_taste_tells_what_is_taken_and_nothing_is_taken_twice(town):
    films = town._world.films
    taken = {"best": 0, "any": 0}
    rng = np.random.default_rng(1)
    for visit in list(town.visits(1))[:200]:
        order = np.argsort(-(films.vectors @ visit.mood))
        unknown = [film for film in order.tolist() if film not in town._known[visit.person]]
        for name, shown in (("any", rng.choice(unknown, 10, replace=False).tolist()), ("best", unknown[:10])):
            got = [one.film for one in town.takes(visit, [town.item_of(film) for film in shown])]
            assert set(got) <= set(shown)
            taken[name] += len(got)
            assert town.takes(visit, [town.item_of(film) for film in got]) == []
    assert taken["best"] > 4 * taken["any"]


def test_nobody_finds_a_film_before_it_is_out():
    town = Town(days=2, start=START)
    found = [one for visit in town.visits(1) for one in town.finds(visit, 1)]
    assert found
    assert all(town._out[one.film] <= 1 for one in found)
    assert any(town.is_new(one.film) for one in found)
    assert all(0.5 <= one.stars <= 5 for one in found)
