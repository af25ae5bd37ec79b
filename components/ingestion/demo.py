"""Generates ratings of the shape of MovieLens, so that everything can be tried without a download.

The invented world: films belong to niches (a mix of genres, an era, and something that no genre
tells). People have a taste, a point in the same space, that moves while they are members. They come
in sessions; a session stays near one niche, and the next one often goes on where the last one
ended. A few films are popular with everybody; new ones keep arriving and are watched when they are
new. A rating adds up the film's quality, the person's mildness, how well the film fits the person's
taste and opinions, and chance.
"""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from components.ingestion.demo_titles import GENRES, make_titles

VERSION = 1
"""Goes up when the same arguments make other data."""

Array: TypeAlias = Any  # an npt.NDArray; NumPy's own stubs answer Any to most arithmetic

MIN_RATINGS = 20  # of a user, where the sizes allow it

_FIRST_DAY, _LAST_DAY = 852_076_800, 1_546_300_800  # 1997-01-01 and 2019-01-01, Unix seconds
_YEAR_SECONDS = 31_556_952
_DIMENSIONS = 10
_ITEMS_PER_NICHE, _MOST_NICHES = 20, 500
_PICKS_PER_SESSION = 8
_NEIGHBOURS = 4
_CHUNK = 16_384


@dataclasses.dataclass(frozen=True)
class _Films:
    """All films, in the order of their ids (which is the order of their arrival)."""

    ids: Array  # int64
    years: Array  # int64
    released: Array  # int64, Unix seconds
    niches: Array  # int32
    vectors: Array  # float32 [films, dimensions]
    quality: Array  # float32, stars
    weights: Array  # float64, popularity
    genres: Array  # bool [films, genres]


@dataclasses.dataclass(frozen=True)
class _Niches:
    centres: Array  # float32 [niches, dimensions]
    genres: Array  # bool [niches, genres]
    years: Array  # float64, middle of the era
    neighbours: Array  # int64 [niches, nearest]


@dataclasses.dataclass(frozen=True)
class _People:
    """All people, in the order of their ids."""

    first_tastes: Array  # float32 [people, dimensions], when they joined
    last_tastes: Array  # float32 [people, dimensions], on their last day
    mildness: Array  # float32, stars
    opinions: Array  # float32 [people, dimensions]: what people watch is not all they like


@dataclasses.dataclass(frozen=True)
class World:
    """The invented world, with what nobody can see in its files; benchmarks/simulate.py goes on in it.

    Attributes:
      films, niches, people: Who and what there is.
      picks: What was watched.
      stars: What each pick was rated with.
    """

    films: _Films
    niches: _Niches
    people: _People
    picks: _Picks
    stars: Array

    def titles(self, rng: np.random.Generator) -> list[str]:
        """A title of each film."""
        main = [GENRES[number] for number in np.argmax(self.films.genres, axis=1)]
        return make_titles(rng, main, self.films.years.tolist())

    def rated(self, rng: np.random.Generator, users: Array, films: Array) -> Array:
        """Stars that people give to films on their last day, in half stars."""
        fits = _fits(self.people.last_tastes[users], self.people.opinions[users], self.films.vectors[films])
        return _stars(rng, self.people.mildness[users], self.films.quality[films], fits)


@dataclasses.dataclass(frozen=True)
class _Picks:
    """What people watch, user by user and in time."""

    users: Array
    films: Array
    times: Array
    tastes: Array  # float32 [picks]: position between the first and the last taste of the user


def write_demo(
    folder: str | Path, *, users: int = 1_200, items: int = 1_500, ratings: int = 100_000, seed: int = 7
) -> None:
    """Writes `ratings.csv` and `movies.csv` in GroupLens layout; the same arguments make the same files.

    Args:
      folder: Existing folder.
      users: Number of users.
      items: Number of items.
      ratings: Approximate number of ratings; nobody rates more than half of the items.
      seed: Seed of everything.
    """
    rng = np.random.default_rng(seed)
    world = make_world(rng, users, items, ratings)
    write_items(Path(folder) / "movies.csv", world.films, world.titles(rng))
    write_ratings(Path(folder) / "ratings.csv", world.picks, world.films, world.stars)


def make_world(rng: np.random.Generator, users: int, items: int, ratings: int) -> World:
    """Draws films, people, and what they watch; see `write_demo`."""
    niches = _make_niches(rng, max(1, min(items // _ITEMS_PER_NICHE, _MOST_NICHES)))
    films = _make_films(rng, items, niches)
    wanted = _wanted_ratings(rng, users, items, ratings)
    first_tastes, last_tastes = _make_tastes(rng, users)
    picks = _make_picks(rng, wanted, films, niches, first_tastes, last_tastes)
    mildness = rng.normal(0, 0.35, users).astype(np.float32)
    opinions = _unit(rng.normal(size=first_tastes.shape)).astype(np.float32)
    people = _People(first_tastes, last_tastes, mildness, opinions)
    return World(films, niches, people, picks, _make_stars(rng, picks, films, people))


def _make_niches(rng: np.random.Generator, count: int) -> _Niches:
    commonness = 1 / np.arange(1, len(GENRES) + 1) ** 0.6
    keys = rng.random((count, len(GENRES))) ** (1 / commonness)  # the largest keys are a weighted sample
    sizes = rng.integers(1, 4, count)
    genres = np.argsort(np.argsort(-keys, axis=1), axis=1) < sizes[:, None]
    years = 2010 - rng.gamma(2.0, 12.0, count)
    era = (years[:, None] - 1985) / 20
    parts = (
        _unit(genres @ rng.normal(size=(len(GENRES), _DIMENSIONS))),
        0.6 * _unit(np.hstack([np.sin(era), np.cos(era)]) @ rng.normal(size=(2, _DIMENSIONS))),
        0.9 * _unit(rng.normal(size=(count, _DIMENSIONS))),
    )
    centres = _unit(sum(parts)).astype(np.float32)  # type: ignore[arg-type]
    neighbours = np.argsort(-(centres @ centres.T), axis=1)[:, 1 : 1 + _NEIGHBOURS]
    if not neighbours.shape[1]:
        neighbours = np.zeros((count, 1), np.int64)
    return _Niches(centres=centres, genres=genres, years=years, neighbours=neighbours)


def _make_films(rng: np.random.Generator, count: int, niches: _Niches) -> _Films:
    share = rng.gamma(2.0, 1.0, len(niches.years))
    belongs = rng.choice(len(niches.years), count, p=share / share.sum())
    years = np.clip(np.round(niches.years[belongs] + rng.normal(0, 6, count)), 1925, 2018).astype(np.int64)
    # Most films are there from the start, so that the first members find something.
    early = rng.permutation(count) < -(-count * 6 // 10)
    years = np.where(early & (years > 1996), 1996 - rng.geometric(0.15, count), years)
    released = np.where(
        years > 1996, ((years - 1970) * _YEAR_SECONDS + rng.random(count) * _YEAR_SECONDS).astype(np.int64), 0
    )
    order = np.lexsort((rng.random(count), released))
    belongs, years, released = belongs[order], years[order], released[order]
    quality = rng.normal(0, 0.4, count)
    appeal = np.argsort(np.argsort(-(quality / 0.4 + rng.normal(0, 1.2, count))))
    genres = niches.genres[belongs] ^ (rng.random((count, len(GENRES))) < 0.03)
    return _Films(
        ids=np.cumsum(rng.geometric(0.5, count)),
        years=years,
        released=released,
        niches=belongs,
        vectors=_unit(niches.centres[belongs] + rng.normal(0, 0.16, (count, _DIMENSIONS))).astype(np.float32),
        quality=quality.astype(np.float32),
        weights=1 / (appeal + 3.0 + count / 200) ** 1.1,
        genres=genres,
    )


def _wanted_ratings(rng: np.random.Generator, users: int, items: int, ratings: int) -> Array:
    """How many ratings each user gives: the least for everybody, and a few people give very many."""
    most = max(1, items // 2)
    least = min(MIN_RATINGS, max(1, ratings // users), most)
    extra = rng.lognormal(0, 1.1, users)
    extra *= max(0, ratings - least * users) / extra.sum()
    return np.minimum(least + np.round(extra).astype(np.int64), most)


def _make_tastes(rng: np.random.Generator, users: int) -> tuple[Array, Array]:
    first = _unit(rng.normal(size=(users, _DIMENSIONS)))
    last = _unit(0.7 * first + 0.7 * _unit(rng.normal(size=(users, _DIMENSIONS))))
    return first.astype(np.float32), last.astype(np.float32)


def _make_picks(
    rng: np.random.Generator, wanted: Array, films: _Films, niches: _Niches, first: Array, last: Array
) -> _Picks:
    # Repeats and films yet to come are thrown away, and who has seen much repeats much.
    drawn = np.ceil(wanted * (2.0 + 8.0 * wanted / len(films.ids))).astype(np.int64) + 10
    users = np.repeat(np.arange(len(wanted)), drawn)
    begins_user = np.append(True, users[1:] != users[:-1])
    begins = begins_user | (rng.random(len(users)) < 1 / _PICKS_PER_SESSION)
    sessions = np.cumsum(begins) - 1
    session_users = users[begins]
    life = _life_positions(rng, session_users)
    session_times = _session_times(rng, session_users, life, len(wanted))
    session_niches = _session_niches(rng, session_users, life, niches, films, first, last)
    pauses = np.where(begins, 0, rng.integers(0, 200, len(users)))
    within = np.cumsum(pauses)
    times = session_times[sessions] + within - within[begins][sessions]
    chosen = _choose_films(rng, session_niches[sessions], times, films, niches)
    picks = _Picks(users=users, films=chosen, times=times, tastes=life[sessions])
    picks = _kept(picks, films.released[chosen] <= times)
    return _completed(rng, _first_views(picks, wanted), wanted, films)


def _life_positions(rng: np.random.Generator, session_users: Array) -> Array:
    """When a session takes place, from 0 (first day of the membership) to 1, in order for each user."""
    return np.sort(session_users + rng.random(len(session_users))) - session_users


def _session_times(rng: np.random.Generator, session_users: Array, life: Array, users: int) -> Array:
    span = _LAST_DAY - _FIRST_DAY - 30 * 86_400
    length = np.minimum(rng.lognormal(0.3, 0.9, users) * _YEAR_SECONDS, 0.9 * span)
    joined = _FIRST_DAY + rng.random(users) * (span - length)
    return (joined[session_users] + life * length[session_users]).astype(np.int64)


def _session_niches(
    rng: np.random.Generator,
    session_users: Array,
    life: Array,
    niches: _Niches,
    films: _Films,
    first: Array,
    last: Array,
) -> Array:
    """The niche of each session: that of the session before in half of the cases, else drawn by taste."""
    begins_user = np.append(True, session_users[1:] != session_users[:-1])
    fresh = np.flatnonzero(begins_user | (rng.random(len(session_users)) < 0.5))
    size = np.bincount(films.niches, weights=films.weights, minlength=len(niches.years)) + 1e-9
    drawn = np.zeros(len(fresh), np.int64)
    for start in range(0, len(fresh), _CHUNK):
        chunk = fresh[start : start + _CHUNK]
        tastes = _taste_at(first, last, session_users[chunk], life[chunk])
        logits = 7.0 * (tastes @ niches.centres.T) + 0.5 * np.log(size).astype(np.float32)
        mass = np.cumsum(np.exp(logits - logits.max(axis=1, keepdims=True)), axis=1)
        threshold = rng.random(len(chunk), dtype=np.float32)[:, None] * mass[:, -1:]
        drawn[start : start + _CHUNK] = np.minimum((mass < threshold).sum(axis=1), mass.shape[1] - 1)
    latest = np.zeros(len(session_users), np.int64)
    latest[fresh] = np.arange(len(fresh))
    return drawn[np.maximum.accumulate(latest)]


def _choose_films(
    rng: np.random.Generator, session_niches: Array, times: Array, films: _Films, niches: _Niches
) -> Array:
    by_niche = np.argsort(films.niches, kind="stable")
    mass = np.cumsum(films.weights[by_niche])
    ends = np.searchsorted(films.niches[by_niche], np.arange(len(niches.years)), side="right")
    upper = np.concatenate([[0.0], mass])[ends]
    lower = np.concatenate([[0.0], upper[:-1]])
    how = rng.random(len(times))
    nearest = niches.neighbours[session_niches, rng.integers(0, niches.neighbours.shape[1], len(times))]
    niche = np.where(how < 0.70, session_niches, nearest)
    anywhere = how > 0.86
    low, high = np.where(anywhere, 0, lower[niche]), np.where(anywhere, mass[-1], upper[niche])
    drawn = low + rng.random(len(times)) * (high - low)
    chosen = by_niche[np.minimum(np.searchsorted(mass, drawn), len(by_niche) - 1)]
    # Films are in the order of their arrival, so the newest of a moment are those just before it.
    newest = np.searchsorted(films.released, times, side="right") - rng.geometric(
        1 / (1 + len(films.ids) / 50), len(times)
    )
    return np.where((how > 0.95) & (newest >= 0), newest, chosen)


def _first_views(picks: _Picks, wanted: Array) -> _Picks:
    """Each film once for each user, at most as many as wanted, earliest first."""
    order = np.lexsort((picks.times, picks.users))
    picks = _kept(picks, order)
    pairs = picks.users * (int(picks.films.max(initial=0)) + 1) + picks.films
    picks = _kept(picks, np.sort(np.unique(pairs, return_index=True)[1]))
    starts = np.searchsorted(picks.users, np.arange(len(wanted)))
    return _kept(picks, np.arange(len(picks.users)) - starts[picks.users] < wanted[picks.users])


def _completed(rng: np.random.Generator, picks: _Picks, wanted: Array, films: _Films) -> _Picks:
    """Gives users who found too little some more of the films that were always there, at times they were there."""
    always = np.flatnonzero(films.released == 0)
    least = np.minimum(wanted, MIN_RATINGS)
    while len(missing := np.repeat(np.arange(len(wanted)), np.maximum(0, least - _counts(picks, wanted)))):
        anchors = np.searchsorted(picks.users, missing)
        known = anchors < len(picks.users)
        anchors = np.minimum(anchors, len(picks.users) - 1)
        known &= picks.users[anchors] == missing
        extra = _Picks(
            users=missing,
            films=rng.choice(always, len(missing)),
            times=np.where(known, picks.times[anchors], _LAST_DAY - 86_400) + rng.integers(0, 3_600, len(missing)),
            tastes=np.where(known, picks.tastes[anchors], 0).astype(picks.tastes.dtype),
        )
        joined = _Picks(*(np.concatenate(pair) for pair in zip(_arrays(picks), _arrays(extra), strict=True)))
        picks = _first_views(joined, wanted)
    return picks


def _make_stars(rng: np.random.Generator, picks: _Picks, films: _Films, people: _People) -> Array:
    """Ratings in half stars."""
    fits = np.empty(len(picks.users), np.float32)
    for start in range(0, len(fits), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        users = picks.users[chunk]
        tastes = _taste_at(people.first_tastes, people.last_tastes, users, picks.tastes[chunk])
        fits[chunk] = _fits(tastes, people.opinions[users], films.vectors[picks.films[chunk]])
    return _stars(rng, people.mildness[picks.users], films.quality[picks.films], fits)


def _fits(tastes: Array, opinions: Array, films: Array) -> Array:
    """How well films fit what people like; all `[picks, dimensions]`."""
    return np.einsum("nd,nd->n", tastes + 2 * opinions, films)


def _stars(rng: np.random.Generator, mildness: Array, quality: Array, fits: Array) -> Array:
    noise = rng.normal(0, 0.6, len(fits)).astype(np.float32)
    return np.clip(np.round((3.1 + mildness + quality + fits + noise) * 2) / 2, 0.5, 5.0)


def write_items(path: Path, films: _Films, titles: list[str]) -> None:
    """Writes films as `movies.csv` in GroupLens layout."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("movieId", "title", "genres"))
        for item_id, title, row in zip(films.ids.tolist(), titles, films.genres, strict=True):
            genres = "|".join(sorted(GENRES[number] for number in np.flatnonzero(row)))
            writer.writerow((item_id, title, genres or "(no genres listed)"))


def write_ratings(path: Path, picks: _Picks, films: _Films, stars: Array) -> None:
    """Writes picks as `ratings.csv` in GroupLens layout."""
    table = pa.table(
        {
            "userId": pa.array(picks.users + 1),
            "movieId": pa.array(films.ids[picks.films]),
            "rating": pa.array(stars),
            "timestamp": pa.array(picks.times),
        }
    )
    options = pa_csv.WriteOptions(include_header=False)
    with path.open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        pa_csv.write_csv(table, file, options)


def _taste_at(first: Array, last: Array, users: Array, life: Array) -> Array:
    share = life[:, None].astype(np.float32)
    return _unit(first[users] * (1 - share) + last[users] * share)


def _counts(picks: _Picks, wanted: Array) -> Array:
    return np.bincount(picks.users, minlength=len(wanted))


def _arrays(picks: _Picks) -> tuple[Array, ...]:
    return picks.users, picks.films, picks.times, picks.tastes


def _kept(picks: _Picks, which: Array) -> _Picks:
    return _Picks(*(array[which] for array in _arrays(picks)))


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
