"""The users of a bundle as a file beside it: a SavedModel's lookup table answers for an id, it does not list them.

A Parquet file in `assets.extra` with one row a user, in the bundle's order:

| column | type | meaning |
|---|---|---|
| `user_id` | binary | the id, byte for byte |
| `interactions` | int32 | how many interactions the served signatures know of this user |

Batch scoring reads it for `--users all`, row group by row group; `interactions` lets it put users with
lists of like length into one block.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from components.bundle.known import KnownUsers

USERS_SCHEMA = pa.schema([("user_id", pa.binary()), ("interactions", pa.int32())])
ROW_GROUP = 1 << 17


def write_users(known: KnownUsers, path: str) -> None:
    """Writes every user to `path`, also those of whom nothing may be known."""
    visible = np.diff(known.interactions.row_splits).astype(np.int32)
    users = pa.table([pa.array(known.user_ids, pa.binary()), pa.array(visible, pa.int32())], schema=USERS_SCHEMA)
    content = pa.BufferOutputStream()
    pq.write_table(users, content, row_group_size=ROW_GROUP)
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content.getvalue().to_pybytes())
