"""Time of the bundle's signatures in process, by batch size: what a server or a batch job cannot be faster than.

    python -m benchmarks signatures                              the large bundle (python -m benchmarks large_bundle)
                                                                 and its twin with an index of stock operations
    python -m benchmarks signatures --bundle DIR --bundle DIR    others, side by side, their calls taking turns
    python -m benchmarks signatures --write                      puts the table into docs/results.md

Every call asks for other users, drawn at random. `session` is a callable of a
`tf.compat.v1.Session`, `eager` the function of a loaded SavedModel.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.large_bundle import exact_twin, large_bundle, user_ids
from benchmarks.results_table import publish, table

SIGNATURES = ("serving_default", "retrieve")
BATCHES = (1, 8, 32, 128, 512)
SEED = 1
DIFFERENT = 32  # batches of users that take turns


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, action="append", help="folder of a bundle; may be given several times")
    parser.add_argument("--signature", action="append", help="default: " + ", ".join(SIGNATURES))
    parser.add_argument("--batch", type=int, nargs="*", default=BATCHES, help="batch sizes")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each cell is measured")
    parser.add_argument("--write", action="store_true", help="write the table into docs/results.md")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    bundles = arguments.bundle or [large_bundle(), exact_twin()]
    text = report(bundles, arguments.signature or SIGNATURES, arguments.batch, arguments.seconds)
    print(text)
    if arguments.write:
        publish("signatures", text)


def report(bundles: list[Path], signatures: list[str] | tuple[str, ...], batches: list[int], seconds: float) -> str:
    """A line for every bundle, way of calling, signature and batch size."""
    callers = {
        (str(bundle), way): load(bundle, signatures)
        for bundle in bundles
        for way, load in (("session", by_session), ("eager", eagerly))
    }
    header = ["signature", "batch", "way", "µs a call", "99 %", "users/s", "CPU µs a user"]
    names = {str(bundle): name for bundle, name in zip(bundles, "ABCDEFGH", strict=False)}
    lines = []
    for signature in signatures:
        for batch in batches:
            measured = taking_turns({key: ask[signature] for key, ask in callers.items()}, batch, seconds)
            for (bundle, way), (wall, cpu) in measured.items():
                middle, slow = np.percentile(wall, (50, 99)) * 1e6
                lines.append(
                    [
                        signature,
                        batch,
                        way if len(bundles) == 1 else f"{names[bundle]} {way}",
                        f"{middle:,.0f}",
                        f"{slow:,.0f}",
                        f"{batch / np.median(wall):,.0f}",
                        f"{cpu / len(wall) / batch * 1e6:,.1f}",
                    ]
                )
    legend = "" if len(bundles) == 1 else "\n".join(f"{name}: {bundle}" for bundle, name in names.items()) + "\n\n"
    return f"{legend}{os.cpu_count()} cores.\n\n{table(header, lines)}"


def by_session(bundle: Path, signatures: list[str] | tuple[str, ...]) -> dict[str, Callable[[Any], Any]]:
    """Signatures as callables of a Session."""
    import tensorflow as tf

    from serving.scann_operations import load_operations

    load_operations(bundle)
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(bundle))
    callables = {}
    for name in signatures:
        signature = meta.signature_def[name]
        feeds = [tensor.name for tensor in signature.inputs.values()]
        fetches = [tensor.name for tensor in signature.outputs.values()]
        callables[name] = session.make_callable(fetches, feed_list=feeds)
    return callables


def eagerly(bundle: Path, signatures: list[str] | tuple[str, ...]) -> dict[str, Callable[[Any], Any]]:
    """Signatures as functions of the loaded SavedModel; answers are brought to NumPy."""
    import tensorflow as tf

    from serving.model import LoadedBundle

    loaded = LoadedBundle(bundle)

    def ask(name: str) -> Callable[[Any], Any]:
        signature = loaded.signatures[name]
        return lambda users: [t.numpy() for t in signature(user_id=tf.constant(users)).values()]

    return {name: ask(name) for name in signatures}


def taking_turns(
    asked: dict[Any, Callable[[Any], Any]], batch: int, seconds: float
) -> dict[Any, tuple[list[float], float]]:
    """Seconds of every call, and CPU seconds of all; candidates take turns, so that a noisy moment hits all."""
    draw = np.random.default_rng(SEED)
    users = np.array([user.encode() for user in user_ids()], dtype=object)
    batches = [draw.choice(users, batch) for _ in range(DIFFERENT)]
    walls: dict[Any, list[float]] = {key: [] for key in asked}
    cpus = dict.fromkeys(asked, 0.0)
    for call in asked.values():
        for users_of_batch in batches[:5]:
            call(users_of_batch)
    until = time.perf_counter() + seconds * len(asked)
    while time.perf_counter() < until:
        for key, call in asked.items():
            for users_of_batch in batches:
                cpu, wall = time.process_time(), time.perf_counter()
                call(users_of_batch)
                walls[key].append(time.perf_counter() - wall)
                cpus[key] += time.process_time() - cpu
    return {key: (walls[key], cpus[key]) for key in asked}


if __name__ == "__main__":
    main()
