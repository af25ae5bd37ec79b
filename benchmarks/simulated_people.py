"""People of the demo's world who go on living: what they look at, take, find for themselves and give stars to.

Each day about half of the people come, some times each. A day has a mood: a point between a person's taste and a niche
that the taste has drawn, so what somebody takes in the morning tells of the afternoon. A list is looked down from the
top: the next film with the chance PATIENCE; a film that is looked at and not known yet is taken with the chance
MOST / (1 + exp(-STEEPNESS * (fit - MIDDLE))), fit the cosine of mood and film. Beside lists, people find films of the
mood's niche and new films for themselves. Some films come out during these days, and some people come for the first
time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from components.ingestion.demo import Array, make_world, write_items

USERS, FILMS, RATINGS, SEED = 1_200, 1_500, 100_000, 7
LAST_MOMENT = 1_546_300_800
"""Of the demo's ratings, in seconds since 1970; they are moved to the day before the simulation."""
COMES, VISITS = 0.5, 3
PATIENCE = 0.85
MOST, STEEPNESS, MIDDLE = 0.5, 8.0, 0.45
FINDS, FINDS_NEW = 0.5, 0.2
NEW_FILMS_A_DAY, NEW_PEOPLE = 6, 120
DAY_SECONDS = 86_400


class Visit(NamedTuple):
    """Somebody comes.

    Attributes:
      person: Number, from 0.
      number: Of the person's visits on this day, from 0.
      time: In seconds since 1970.
      mood: `[dimensions]`.
    """

    person: int
    number: int
    time: int
    mood: Array


@dataclasses.dataclass(frozen=True)
class Taken:
    """Somebody has watched a film.

    Attributes:
      person, film: Numbers, from 0.
      stars: Given at once.
    """

    person: int
    film: int
    stars: float


class Town:
    """The people and the films.

    Args:
      days: Of the simulation.
      start: Its first moment, in seconds since 1970.
    """

    def __init__(self, days: int, start: int) -> None:
        self._world = make_world(np.random.default_rng(SEED), USERS, FILMS, RATINGS)
        self._titles = self._world.titles(np.random.default_rng(SEED))
        self._rng = rng = np.random.default_rng(SEED + 1)
        self._start = start
        self._out = np.zeros(FILMS, np.int64)  # day on which a film comes out
        new = rng.choice(FILMS, NEW_FILMS_A_DAY * days, replace=False)
        self._out[new] = 1 + np.arange(len(new)) // NEW_FILMS_A_DAY
        self._since = np.zeros(USERS, np.int64)  # day on which a person comes for the first time
        self._since[rng.choice(USERS, NEW_PEOPLE, replace=False)] = rng.integers(1, days + 1, NEW_PEOPLE)
        picks, stars = self._world.picks, self._world.stars
        old = (self._out[picks.films] == 0) & (self._since[picks.users] == 0)
        self.history = pd.DataFrame(
            {
                "userId": 1 + picks.users[old],
                "movieId": self._world.films.ids[picks.films[old]],
                "rating": stars[old],
                "timestamp": picks.times[old] - LAST_MOMENT + start,
            }
        )
        self._known: list[set[int]] = [set() for _ in range(USERS)]
        for person, film in zip(picks.users[old].tolist(), picks.films[old].tolist(), strict=True):
            self._known[person].add(film)
        self._numbers = {str(one): number for number, one in enumerate(self._world.films.ids.tolist())}

    def item_of(self, film: int) -> str:
        """The id of a film."""
        return str(self._world.films.ids[film])

    def is_new(self, film: int) -> bool:
        """Whether it has come out during the simulation."""
        return bool(self._out[film])

    def write_films(self, path: Path, day: int) -> None:
        """The catalogue of the films that are out on a day, from 1; 0 = before the simulation."""
        films, out = self._world.films, self._out <= day
        kept = dataclasses.replace(films, ids=films.ids[out], genres=films.genres[out])
        write_items(path, kept, [title for title, is_out in zip(self._titles, out, strict=True) if is_out])

    def visits(self, day: int) -> Iterator[Visit]:
        """Who comes on a day, from 1, in the order of time."""
        rng, niches = self._rng, self._world.niches.centres
        people = np.flatnonzero((rng.random(USERS) < COMES) & (self._since <= day))
        tastes = self._world.people.last_tastes[people]
        logits = 7.0 * (tastes @ niches.T)
        drawn = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
        moods = _unit(tastes + 0.8 * niches[drawn])
        begin = self._start + (day - 1) * DAY_SECONDS
        for number in range(VISITS):
            for second, place in enumerate(rng.permutation(len(people)).tolist()):
                time = begin + (8 + 5 * number) * 3_600 + second
                yield Visit(int(people[place]), number, time, moods[place])

    def takes(self, visit: Visit, items: Sequence[str]) -> list[Taken]:
        """What somebody takes of a list of ids, best first."""
        taken = []
        for item in items:
            film = self._numbers[item]
            fit = float(visit.mood @ self._world.films.vectors[film])
            chance = MOST / (1 + np.exp(-STEEPNESS * (fit - MIDDLE)))
            if film not in self._known[visit.person] and self._rng.random() < chance:
                taken.append(self._watched(visit.person, film))
            if self._rng.random() > PATIENCE:
                break
        return taken

    def finds(self, visit: Visit, day: int) -> list[Taken]:
        """What somebody finds without a list."""
        if self._rng.random() > FINDS:
            return []
        films = self._world.films
        out = self._out <= day
        if self._rng.random() < FINDS_NEW:
            out &= self._out > max(0, day - 5)
        fits = films.vectors @ visit.mood
        weights = films.weights * np.exp(7.0 * fits) * out
        if not weights.any():
            return []
        film = int(self._rng.choice(FILMS, p=weights / weights.sum()))
        return [] if film in self._known[visit.person] else [self._watched(visit.person, film)]

    def _watched(self, person: int, film: int) -> Taken:
        self._known[person].add(film)
        (stars,) = self._world.rated(self._rng, np.array([person]), np.array([film]))
        return Taken(person, film, float(stars))


def _unit(vectors: Array) -> Array:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
