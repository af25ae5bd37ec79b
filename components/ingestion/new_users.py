"""Users who are kept out of training, to measure what a person gets whom the models have never seen."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.examples import Ints
from components.features import NEW_USER_PART, TEST_PART
from components.ingestion.interactions import Parts, Rows

REQUEST_SIZES = (3, 5, 10)
"""How many interactions a new user's question carries."""

_SIZE_OF_HASH = 2.0**64


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewUsers:
    """Who is new.

    Attributes:
      parts: The part of each row: those of new users are test, or NEW_USER_PART.
      requests: int32 `[users]`: how many interactions a new user's question carries; 0 for known users.
    """

    parts: Parts
    requests: Ints


def set_aside(rows: Rows, user_ids: Sequence[bytes], parts: Parts, share: float, seed: int) -> NewUsers:
    """Makes about a `share` of the users new, drawn by a hash of their ids.

    A new user has test rows and at least three rows before them. The question carries the last 3, 5 or
    10 of these (another hash decides, among the sizes that the user can fill); none of them is learned
    from, nor looked at by early stopping.

    Args:
      rows: Interactions by user, each user's oldest first.
      user_ids: Ids of the block's users.
      parts: The part of each row.
      share: From 0 to below 1.
      seed: Of the hashes.
    """
    users = len(user_ids)
    tested = np.bincount(rows.users[parts == TEST_PART], minlength=users) > 0
    before = np.bincount(rows.users[parts < TEST_PART], minlength=users)
    drawn = _hashes(user_ids, seed, b"new") < share
    new = drawn & tested & (before >= REQUEST_SIZES[0])
    fillable = (before[:, np.newaxis] >= np.array(REQUEST_SIZES)).sum(axis=1)
    choice = (_hashes(user_ids, seed, b"size") * fillable).astype(np.int64)
    requests = np.where(new, np.array(REQUEST_SIZES)[np.minimum(choice, np.maximum(fillable - 1, 0))], 0)
    of_new = (requests > 0)[rows.users] & (parts != TEST_PART)
    return NewUsers(parts=np.where(of_new, NEW_USER_PART, parts).astype(np.int8), requests=requests.astype(np.int32))


def _hashes(ids: Sequence[bytes], seed: int, purpose: bytes) -> npt.NDArray[np.float64]:
    """A number from 0 to below 1 for each id."""
    key = b"%d %s" % (seed, purpose)
    digests = b"".join(hashlib.blake2b(one, digest_size=8, key=key[:64]).digest() for one in ids)
    return np.asarray(np.frombuffer(digests, np.uint64) / _SIZE_OF_HASH)
