"""What a training step of the list model costs as the catalogue grows.

Run in a process of its own for each line, so that the peak of memory is that line's:

    python -m benchmarks.training.catalogue ITEMS LOSS

20,000 users with 80 rows each, of items whose frequency falls with the power -0.8 of their rank; histories of 60 items,
batches of 256, vectors of 128 dimensions and three poolings; no content, so that the table is about ids alone.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

USERS, LENGTH, HISTORY, BATCH = 20_000, 80, 60, 256
TRACING, STEPS = 5, 60
LINES = (
    ("10,000", "full_softmax"),
    ("10,000", "in_batch_softmax"),
    ("100,000", "in_batch_softmax"),
    ("1,000,000", "in_batch_softmax"),
)
HEADER = ("items", "loss", "rows a second", "CPU ms a step", "peak memory, GB")


def lines() -> list[list[str]]:
    """A line of the table for each size and loss."""
    found = []
    for items, loss in LINES:
        command = [sys.executable, "-m", "benchmarks.training.catalogue", items.replace(",", ""), loss]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    return found


def measure(items: int, loss: str) -> list[str]:
    """Trains STEPS steps, after some that trace."""
    import tensorflow as tf

    from components.examples import RaggedRows
    from components.retrieval.averaging_adam import AveragingAdam
    from components.retrieval.building import build, create_sampler
    from components.retrieval.config import RetrievalConfig
    from components.retrieval.content import item_content
    from components.retrieval.fitting import batches, signature
    from components.retrieval.training_data import TrainingData
    from components.transform.content import Content
    from components.transform.graph import EntityFeatures

    config = RetrievalConfig(history_length=HISTORY, batch_size=BATCH, loss=loss, l2=None, min_ratings=1)
    shares = 1 / (np.arange(items) + 10) ** 0.8
    rows = np.random.default_rng(0).choice(items, USERS * LENGTH, p=shares / shares.sum()).astype(np.int32)
    counts = np.bincount(rows, minlength=items)
    content = item_content(Content((), {}, {}), np.append(np.maximum(counts, 1), 0), 1)
    data = TrainingData(
        content=content,
        items=content.of(EntityFeatures(index=np.arange(items), values={})),
        counts=counts,
        sequences=RaggedRows(
            row_splits=np.arange(USERS + 1) * LENGTH, rows=rows, timestamps=np.arange(1, len(rows) + 1)
        ),
    )
    tf.keras.utils.set_random_seed(1)
    model = build(config, data, 1)
    model.compile(optimizer=AveragingAdam(config.learning_rate, config.averaging, model.gathered_tables))
    step = tf.function(model.train_step, input_signature=[signature(data)], autograph=False)
    drawn = batches(create_sampler(config, data), BATCH, np.random.default_rng(1), data)
    for batch in itertools.islice(drawn, TRACING):
        step(batch)
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in itertools.islice(drawn, STEPS):
        step(batch)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return [
        f"{items:,}",
        loss,
        f"{STEPS * BATCH / wall:,.0f}",
        f"{1000 * cpu / STEPS:.0f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f}",
    ]


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(json.dumps(measure(int(sys.argv[1]), sys.argv[2])))
