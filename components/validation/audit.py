"""Recomputes a sample of users from the source, and compares it with what ingestion has written.

A held-out row in a history, among the seen movies or in a sequence makes metrics better, so that no
gate on metrics can see it. This looks at the rows themselves, without the code that wrote them: the
source's rows of some users, sorted and cut here once more, against every list of these users.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from components import features
from components.errors import InputError
from components.ingestion.blocks import Source
from components.ingestion.new_users import REQUEST_SIZES
from components.validation.written import Written

MAX_FINDINGS = 5  # that a message lists

PARTS = features.SPLITS
ASIDE = features.NEW_USERS_SPLIT  # rows of new users before their test rows


@dataclasses.dataclass(frozen=True, order=True)
class Rating:
    """A row of the source; the order is that of a history: by time, then by movie id.

    Attributes:
      timestamp: Unix seconds.
      movie: Its id.
      stars: float32 as a Python number.
    """

    timestamp: int
    movie: bytes
    stars: float


Rows = Mapping[bytes, Mapping[str, list[Rating]]]
"""Rows by user and by part (train, eval, test), oldest first."""


def source_rows(source: Source, is_sampled: Any) -> dict[bytes, dict[bytes, tuple[str, Rating]]]:
    """The source's rows of the sampled users, by user and movie, with the file that they come from.

    Of a pair that occurs again the first file keeps it, and within a file the latest row, then the last.

    Args:
      source: Where the interactions are.
      is_sampled: Takes a user id and says whether the user is looked at.
    """
    found: dict[bytes, dict[bytes, tuple[str, Rating]]] = {}
    for part in PARTS if source.facts().presplit else PARTS[:1]:
        for block in source.blocks(part):
            sampled = np.array([is_sampled(user) for user in block.users.values], np.bool_)
            for at in np.flatnonzero(sampled[block.users.codes]):
                user = block.users.values[block.users.codes[at]]
                movie = block.movies.values[block.movies.codes[at]]
                row = Rating(int(block.timestamps[at]), movie, float(block.ratings[at]))
                held = found.setdefault(user, {}).get(movie)
                if held is None or (held[0] == part and row.timestamp >= held[1].timestamp):
                    found[user][movie] = (part, row)
    return found


def findings(
    source: Mapping[bytes, Mapping[bytes, tuple[str, Rating]]],
    written: Written,
    kind: str,
    held_out: int,
    history_length: int,
) -> Iterator[str]:
    """What is wrong with the sampled users, a sentence each.

    Args:
      source: What `source_rows` found.
      written: What ingestion has written of the same users.
      kind: Kind of the split.
      held_out: Of `leave_last`: rows that a user gives to eval and to test at most.
      history_length: Most movies of a history.
    """
    parts = {user: _parts_of(user, rows, written) for user, rows in source.items()}
    for user, rows in source.items():
        yield from _rows_differ(user, rows, written)
        yield from _split_differs(user, rows, parts[user], kind, held_out)
        yield from _sequences_differ(user, parts[user], written)
        yield from _known_differs(user, parts[user], written, history_length)
    if kind == "global_time":
        yield from _times_overlap(parts)


def stop_on_findings(found: Iterable[str], users: int) -> None:
    """Raises an InputError that lists the first findings.

    Raises:
      InputError: There is one.
    """
    listed = [finding for finding, _ in zip(found, range(MAX_FINDINGS), strict=False)]
    if listed:
        raise InputError(
            f"{users:,} users were recomputed from the source, and what ingestion wrote of them is something else:\n"
            + "\n".join(f"  - {finding}" for finding in listed),
            expected="histories, seen movies, held-out movies and sequences that follow from the source's rows: "
            "a held-out row in one of them would make every metric better than it is",
            action="run with --no-cache; if that does not help, ingestion is at fault: nothing may be trained on this",
        )


def _parts_of(user: bytes, rows: Mapping[bytes, tuple[str, Rating]], written: Written) -> dict[str, list[Rating]]:
    """The source's rows of a user, by the part that they were written to, oldest first."""
    part_of = {movie: part for part in PARTS for movie, _, _ in written.rows[part].get(user, [])}
    part_of |= {movie: ASIDE for movie, _, _ in _aside(user, written)}
    parts: dict[str, list[Rating]] = {part: [] for part in (*PARTS, ASIDE)}
    for movie, (_, row) in rows.items():
        if movie in part_of:
            parts[part_of[movie]].append(row)
    return {part: sorted(of_part) for part, of_part in parts.items()}


def _rows_differ(user: bytes, rows: Mapping[bytes, tuple[str, Rating]], written: Written) -> Iterator[str]:
    """Every row of the source is in exactly one part, as it is in the source."""
    expected = sorted((movie, row.stars, row.timestamp) for movie, (_, row) in rows.items())
    found = sorted([row for part in PARTS for row in written.rows[part].get(user, [])] + _aside(user, written))
    if found != expected:
        yield f"{_who(user)}: train, eval and test {_difference(found, expected)}"


def _split_differs(
    user: bytes,
    rows: Mapping[bytes, tuple[str, Rating]],
    parts: Mapping[str, list[Rating]],
    kind: str,
    held_out: int,
) -> Iterator[str]:
    """The parts are those of the split, as far as one user's rows can tell."""
    ordered = sorted(row for _, row in rows.values())
    if kind == "leave_last":
        size = min(held_out, len(ordered) // 3)
        cuts = (len(ordered) - 2 * size, len(ordered) - size)
        expected = dict(zip(PARTS, (ordered[: cuts[0]], ordered[cuts[0] : cuts[1]], ordered[cuts[1] :]), strict=True))
    elif kind == "presplit":
        expected = {part: sorted(row for of, row in rows.values() if of == part) for part in PARTS}
    else:
        return
    if parts[ASIDE]:  # a new user: nothing to learn from, and the test rows are what they would be
        expected = {PARTS[0]: [], PARTS[1]: [], PARTS[2]: expected[PARTS[2]]}
    for part in PARTS:
        if parts[part] != expected[part]:
            yield f"{_who(user)}, split {part}: the rows {_difference(_movies(parts[part]), _movies(expected[part]))}"


def _sequences_differ(user: bytes, parts: Mapping[str, list[Rating]], written: Written) -> Iterator[str]:
    """A sequence holds the rows of its parts in order, and no held-out row."""
    for split, fitted in ((features.SEQUENCES_SPLIT, PARTS[:1]), (features.REFIT_SPLIT, PARTS[:2])):
        if split in written.sequences:
            expected = sorted(row for part in fitted for row in parts[part])
            found = written.sequences[split].get(user, [])
            if found != [(row.movie, row.stars, row.timestamp) for row in expected]:
                yield f"{_who(user)}, sequence {split}: it {_difference([row[0] for row in found], _movies(expected))}"


def _known_differs(
    user: bytes, parts: Mapping[str, list[Rating]], written: Written, history_length: int
) -> Iterator[str]:
    """Histories and seen movies are what came before a part, held-out movies are the part."""
    for split, before in ((features.EVAL, PARTS[:1]), (features.TEST, PARTS[:2])):
        listed = written.known[split].get(user, [])
        known = sorted(row for part in (*before, ASIDE) for row in parts[part])
        if parts[ASIDE] and listed:
            requests = {row.request for row in listed}
            if len(requests) != 1 or not requests <= set(REQUEST_SIZES):
                yield f"{_who(user)}, split {split}: a new user's question carries {sorted(requests)} interactions"
            known = known[-max(requests, default=1) :]
        history = known[-history_length:]
        for row in listed:
            if row.history != [(one.movie, one.stars) for one in history]:
                found = [movie for movie, _ in row.history]
                yield f"{_who(user)}, split {split}: a history {_difference(found, _movies(history))}"
        marked = [row for row in listed if row.held_out or row.seen]
        if len(marked) != (1 if parts[split] else 0):
            yield f"{_who(user)}, split {split}: {len(marked)} marked rows"
        for row in marked:
            if sorted(row.seen) != sorted(_movies(known)):
                yield f"{_who(user)}, split {split}: the seen movies {_difference(row.seen, _movies(known))}"
            if sorted(row.held_out) != sorted(_movies(parts[split])):
                yield f"{_who(user)}, split {split}: held-out {_difference(row.held_out, _movies(parts[split]))}"


def _times_overlap(parts: Mapping[bytes, Mapping[str, list[Rating]]]) -> Iterator[str]:
    """No row of a later part is as old as one of an earlier part, whoever's."""
    times = {part: [row.timestamp for of in parts.values() for row in of[part]] for part in PARTS}
    for earlier, later in itertools.pairwise(PARTS):
        if times[earlier] and times[later] and max(times[earlier]) >= min(times[later]):
            yield f"a row of {later} is not later than every row of {earlier} (split global_time)"


def _aside(user: bytes, written: Written) -> list[tuple[bytes, float, int]]:
    return list(written.sequences.get(ASIDE, {}).get(user, []))


def _movies(rows: Iterable[Rating]) -> list[bytes]:
    return [row.movie for row in rows]


def _difference(found: list[Any], expected: list[Any]) -> str:
    """In words how a list differs from what it should be."""
    too_many = [one for one in found if one not in expected]
    missing = [one for one in expected if one not in found]
    if too_many:
        return f"hold {len(too_many)} too many, for instance {_text(too_many[0])}"
    if missing:
        return f"lack {len(missing)}, for instance {_text(missing[0])}"
    return f"have {len(found)} entries where {len(expected)} are right, or another order"


def _text(one: Any) -> str:
    value = one[0] if isinstance(one, tuple) else one
    return f"movie {value.decode('utf-8', 'replace')!r}"


def _who(user: bytes) -> str:
    return f"user {user.decode('utf-8', 'replace')!r}"
