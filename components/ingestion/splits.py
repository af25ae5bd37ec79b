"""Parts the interactions into train, eval and test."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.ingestion.blocks import Bytes, Longs, SourceFacts
from components.ingestion.config import SplitConfig
from components.ingestion.interactions import EVAL_PART, TEST_PART, TRAIN_PART, Parts, Rows

Hashes = npt.NDArray[np.uint64]


def resolve_kind(config: SplitConfig, facts: SourceFacts) -> str:
    """The kind of split that `config` means for data with `facts`.

    Raises:
      InputError: A split by time of undated data, `presplit` without the files, or another kind with them.
    """
    if config.kind == "auto":
        if facts.presplit:
            return "presplit"
        return "leave_last" if facts.has_timestamps else "random"
    if (config.kind == "presplit") != facts.presplit:
        raise _presplit_mismatch(config.kind, facts)
    if config.kind in ("leave_last", "global_time") and not facts.has_timestamps:
        raise InputError(
            f"the split `{config.kind}` needs times, and {facts.name} has none",
            expected="a column such as timestamp (Unix seconds)",
            action="name it with --columns timestamp=COLUMN, or choose --set split.kind=random",
        )
    return config.kind


def assign_parts(rows: Rows, movie_ids: Bytes, kind: str, config: SplitConfig) -> Parts:
    """The part of each row: 0 train, 1 eval, 2 test.

    Args:
      rows: Interactions by user, each user's oldest first (`interactions.in_order`).
      movie_ids: The catalogue, for the hash of the random split.
      kind: What `resolve_kind` says.
      config: Sizes and seed.

    Raises:
      InputError: A part would be left without rows.
    """
    if kind == "leave_last":
        parts = leave_last(rows, config.held_out)
    elif kind == "global_time":
        parts = global_time(rows.timestamps, config.eval_fraction, config.test_fraction)
    elif kind == "random":
        parts = at_random(rows, movie_ids, config.eval_fraction, config.test_fraction, config.seed)
    else:
        parts = rows.parts
    require_all_parts(parts, kind)
    return parts


def leave_last(rows: Rows, held_out: int) -> Parts:
    """Each user's last rows go to test, those before them to eval.

    A user gives min(held_out, a third of the user's rows, rounded down) rows to each.
    """
    counts = np.bincount(rows.users, minlength=len(rows.user_ids))
    from_end = np.cumsum(counts)[rows.users] - 1 - np.arange(len(rows))
    size = np.minimum(held_out, counts // 3)[rows.users]
    parts = np.full(len(rows), TRAIN_PART, np.int8)
    parts[from_end < 2 * size] = EVAL_PART
    parts[from_end < size] = TEST_PART
    return parts


def global_time(timestamps: Longs, eval_fraction: float, test_fraction: float) -> Parts:
    """Rows up to one moment are train, up to a second one eval, later ones test.

    Equal times stay together, so shares are met as nearly as the times allow, and each part gets at
    least one moment.

    Raises:
      InputError: Fewer than three different times.
    """
    times, counts = np.unique(timestamps, return_counts=True)
    if len(times) < 3:
        raise InputError(
            "the split `global_time` needs three different times",
            received=f"{len(times)} in {len(timestamps)} rows",
            action="choose --set split.kind=leave_last or random",
        )
    rows_until = np.cumsum(counts)
    wanted = len(timestamps) * np.array([1 - eval_fraction - test_fraction, 1 - test_fraction])
    last_train = int(np.argmin(np.abs(rows_until[:-2] - wanted[0])))
    last_eval = last_train + 1 + int(np.argmin(np.abs(rows_until[last_train + 1 : -1] - wanted[1])))
    parts = np.full(len(timestamps), TRAIN_PART, np.int8)
    parts[timestamps > times[last_train]] = EVAL_PART
    parts[timestamps > times[last_eval]] = TEST_PART
    return parts


def at_random(rows: Rows, movie_ids: Bytes, eval_fraction: float, test_fraction: float, seed: int) -> Parts:
    """A row's part follows from a hash of its user id, its movie id and the seed, and from nothing else.

    So neither the order of the rows nor further rows move a row to another part. Where data are so
    few that a part would be empty, the rows of the smallest hashes fill it.
    """
    hashes = _mixed(
        _id_hashes(rows.user_ids, seed, b"user")[rows.users] ^ _id_hashes(movie_ids, seed, b"movie")[rows.movies]
    )
    shares = (hashes >> np.uint64(11)) * 2.0**-53
    parts = np.full(len(rows), TRAIN_PART, np.int8)
    parts[shares < test_fraction + eval_fraction] = EVAL_PART
    parts[shares < test_fraction] = TEST_PART
    if len(rows) >= 3 and len(np.unique(parts)) < 3:
        order = np.argsort(hashes)
        tests = min(max(1, round(len(rows) * test_fraction)), len(rows) - 2)
        evals = min(max(1, round(len(rows) * eval_fraction)), len(rows) - 1 - tests)
        parts[:] = TRAIN_PART
        parts[order[:tests]] = TEST_PART
        parts[order[tests : tests + evals]] = EVAL_PART
    return parts


def _id_hashes(ids: Bytes, seed: int, kind: bytes) -> Hashes:
    key = b"%d %s" % (seed, kind)
    digests = b"".join(hashlib.blake2b(value, digest_size=8, key=key[:64]).digest() for value in ids)
    return np.frombuffer(digests, np.uint64)


def _mixed(values: Hashes) -> Hashes:
    """The finalizer of splitmix64: every bit of the argument reaches every bit of the result."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _presplit_mismatch(kind: str, facts: SourceFacts) -> InputError:
    if facts.presplit:
        return InputError(
            f"files for eval and test were given, and split.kind = {kind} would part the rows anew",
            expected="split.kind auto or presplit with these files",
            action="leave out data.eval_ratings and data.test_ratings, or set split.kind=presplit",
        )
    return InputError(
        "split.kind = presplit needs three files, and only one was given",
        expected="data.ratings, data.eval_ratings and data.test_ratings",
        action="give all three, or set split.kind=auto",
    )


def require_all_parts(parts: Parts, kind: str) -> None:
    """Checks that train, eval and test have rows.

    Raises:
      InputError: One of them has none.
    """
    sizes = np.bincount(parts, minlength=3)[:3]
    if sizes.min() > 0:
        return
    if kind == "leave_last":
        action = "give more data (one user at least needs three rows)"
        action += ", or choose --set split.kind=random" if len(parts) >= 3 else ""
    elif kind == "presplit":
        action = "check that the files are not copies of each other: rows that an earlier file has are left out"
    else:
        action = "give more data: at least three rows are needed"
    raise InputError(
        f"the split `{kind}` leaves a part without rows",
        expected="at least one row each in train, eval and test",
        received=f"train {sizes[0]}, eval {sizes[1]}, test {sizes[2]}",
        action=action,
    )
