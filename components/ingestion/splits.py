"""Parts the interactions into train, eval and test."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence

import duckdb
import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.examples import Longs
from components.features import EVAL_PART, TEST_PART, TRAIN_PART
from components.ingestion.config import SplitConfig
from components.ingestion.interactions import Hashes, Parts, Rows
from components.ingestion.source import SourceFacts

DAY_SECONDS = 86_400


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
    if config.kind in ("leave_last", "global_time", "last_days") and not facts.has_timestamps:
        raise InputError(
            f"the split `{config.kind}` needs times, and {facts.name} has none",
            expected="a column such as timestamp (Unix seconds)",
            action="name it with --columns timestamp=COLUMN, or choose --set split.kind=random",
        )
    return config.kind


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cuts:
    """Two moments that part all rows: up to `train` train, up to `eval` eval, later ones test."""

    train: int
    eval: int


class Splitter:
    """Parts blocks of whole users into train, eval and test.

    Args:
      kind: What `resolve_kind` says.
      config: Sizes and seed.
      cuts: Of the splits by time; None for the others.
      user_hashes: uint64 `[users]`, of all users (`id_hashes`).
      item_hashes: uint64 `[items]`.
    """

    def __init__(
        self, kind: str, config: SplitConfig, cuts: Cuts | None, user_hashes: Hashes, item_hashes: Hashes
    ) -> None:
        self._kind = kind
        self._config = config
        self._cuts = cuts
        self._users = user_hashes
        self._items = item_hashes

    def hashes(self, rows: Rows) -> Hashes:
        """A number for each pair of user and item, which their ids and the seed alone decide; uint64 `[rows]`."""
        return mixed(self._users[rows.first_user + rows.users] ^ self._items[rows.items])

    def _drawn(self, rows: Rows) -> npt.NDArray[np.bool_] | None:
        """Which users of a block give rows to eval and test; None: everybody."""
        if len(self._users) <= self._config.most_users:
            return None
        hashes = mixed(self._users[rows.first_user : rows.first_user + rows.user_count])
        return np.asarray((hashes >> np.uint64(11)) * 2.0**-53 < self._config.most_users / len(self._users))

    def parts(self, rows: Rows, whole: bool) -> Parts:
        """The part of each row of a block, each user's oldest first.

        Args:
          rows: The block.
          whole: Whether these are all rows there are.
        """
        if self._kind == "leave_last":
            return leave_last(rows, self._config.held_out, self._drawn(rows))
        if self._cuts is not None:
            return by_time(rows.timestamps, self._cuts)
        if self._kind == "random":
            return at_random(self.hashes(rows), self._config.eval_fraction, self._config.test_fraction, fill=whole)
        return rows.parts


def leave_last(rows: Rows, held_out: int, drawn: npt.NDArray[np.bool_] | None = None) -> Parts:
    """Each user's last rows go to test, those before them to eval.

    A user gives min(held_out, a third of the user's rows, rounded down) rows to each.

    Args:
      rows: By user, each user's oldest first.
      held_out: Most rows of a user in each of the two.
      drawn: bool `[users]`: who gives rows; None: everybody.
    """
    counts = np.bincount(rows.users, minlength=rows.user_count)
    from_end = np.cumsum(counts)[rows.users] - 1 - np.arange(len(rows))
    sizes = np.minimum(held_out, counts // 3)
    size = (sizes if drawn is None else np.where(drawn, sizes, 0))[rows.users]
    parts = np.full(len(rows), TRAIN_PART, np.int8)
    parts[from_end < 2 * size] = EVAL_PART
    parts[from_end < size] = TEST_PART
    return parts


def by_time(timestamps: Longs, cuts: Cuts) -> Parts:
    """Rows up to one moment are train, up to a second one eval, later ones test."""
    parts = np.full(len(timestamps), TRAIN_PART, np.int8)
    parts[timestamps > cuts.train] = EVAL_PART
    parts[timestamps > cuts.eval] = TEST_PART
    return parts


def time_cuts(connection: duckdb.DuckDBPyConnection, kind: str, config: SplitConfig) -> Cuts | None:
    """The moments that part the table `rows` by time; None where the split is another one.

    `global_time`: shares of the rows are met as nearly as equal times allow, which stay together; each part gets at
    least one moment. `last_days`: test is the last `days` days, counted back from the latest row, eval as many before.

    Raises:
      InputError: Fewer than three different times, or days that leave a part without rows.
    """
    if kind == "global_time":
        query = "SELECT time, count(*) AS n FROM rows GROUP BY time ORDER BY time"
        times, counts = connection.execute(query).fetchnumpy().values()
        return shares_of_time(np.asarray(times), np.asarray(counts), config.eval_fraction, config.test_fraction)
    if kind != "last_days":
        return None
    first, last = connection.execute("SELECT min(time), max(time) FROM rows").fetchone() or (0, 0)
    span = config.days * DAY_SECONDS
    cuts = Cuts(train=last - 2 * span, eval=last - span)
    if cuts.train < first:
        raise InputError(
            f"the split `last_days` holds out twice {config.days} days, but the rows span only "
            f"{(last - first) / DAY_SECONDS:.1f}",
            expected="rows from before these days",
            received=f"split.days = {config.days}",
            action="choose fewer days, or --set split.kind=leave_last",
        )
    return cuts


def shares_of_time(times: Longs, counts: Longs, eval_fraction: float, test_fraction: float) -> Cuts:
    """The cuts nearest to the shares.

    Args:
      times: Distinct, ascending.
      counts: Rows of each.
    """
    rows = int(counts.sum())
    if len(times) < 3:
        raise InputError(
            "the split `global_time` needs three different times",
            received=f"{len(times)} in {rows} rows",
            action="choose --set split.kind=leave_last or random",
        )
    rows_until = np.cumsum(counts)
    wanted = rows * np.array([1 - eval_fraction - test_fraction, 1 - test_fraction])
    last_train = int(np.argmin(np.abs(rows_until[:-2] - wanted[0])))
    last_eval = last_train + 1 + int(np.argmin(np.abs(rows_until[last_train + 1 : -1] - wanted[1])))
    return Cuts(train=int(times[last_train]), eval=int(times[last_eval]))


def at_random(hashes: Hashes, eval_fraction: float, test_fraction: float, *, fill: bool) -> Parts:
    """A row's part follows from the hash of its user, its item and the seed, and from nothing else.

    So neither the order of the rows nor further rows move a row to another part. Where `fill` is set and a part would
    be empty, the rows of the smallest hashes fill it.
    """
    shares = (hashes >> np.uint64(11)) * 2.0**-53
    parts = np.full(len(hashes), TRAIN_PART, np.int8)
    parts[shares < test_fraction + eval_fraction] = EVAL_PART
    parts[shares < test_fraction] = TEST_PART
    if fill and len(hashes) >= 3 and len(np.unique(parts)) < 3:
        order = np.argsort(hashes)
        tests = min(max(1, round(len(hashes) * test_fraction)), len(hashes) - 2)
        evals = min(max(1, round(len(hashes) * eval_fraction)), len(hashes) - 1 - tests)
        parts[:] = TRAIN_PART
        parts[order[:tests]] = TEST_PART
        parts[order[tests : tests + evals]] = EVAL_PART
    return parts


def id_hashes(ids: Iterable[bytes], seed: int, kind: bytes) -> Hashes:
    """A number for each id, uint64 `[ids]`: BLAKE2b of the id, keyed by the seed and the kind of id."""
    key = b"%d %s" % (seed, kind)
    digests = b"".join(hashlib.blake2b(value, digest_size=8, key=key[:64]).digest() for value in ids)
    return np.frombuffer(digests, np.uint64)


def mixed(values: Hashes) -> Hashes:
    """The finalizer of splitmix64: every bit of the argument reaches every bit of the result."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _presplit_mismatch(kind: str, facts: SourceFacts) -> InputError:
    if facts.presplit:
        return InputError(
            f"files for eval and test were given, but split.kind = {kind} would split the rows again",
            expected="split.kind auto or presplit with these files",
            action="leave out data.eval_ratings and data.test_ratings, or set split.kind=presplit",
        )
    return InputError(
        "split.kind = presplit needs three files, and only one was given",
        expected="data.ratings, data.eval_ratings and data.test_ratings",
        action="give all three, or set split.kind=auto",
    )


def require_all_parts(sizes: Sequence[int], kind: str) -> None:
    """Checks that train, eval and test have rows.

    Args:
      sizes: Rows of the three parts.
      kind: The split, for the message.

    Raises:
      InputError: One of them has none.
    """
    if min(sizes) > 0:
        return
    if kind == "leave_last":
        action = "give more data (one user at least needs three rows)"
        action += ", or choose --set split.kind=random" if sum(sizes) >= 3 else ""
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
