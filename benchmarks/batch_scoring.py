"""Batch scoring of many users with 62,423 items: users a second, beside the model's own call and beside NumPy.

    python -m benchmarks batch_scoring                     20,000 and 200,000 users; three minutes on two cores
    python -m benchmarks batch_scoring --growth            also 10,000, 50,000 and 1,000,000; six minutes more, most of
                                                           them for the bundle of a million users, made once
    python -m benchmarks batch_scoring --write             puts the tables into docs/results.md

Asks the bundle of `benchmarks.large_bundle`, in which every user is repeated until there are as many as the
largest job needs. The speed that counts is marginal, (users of the second job - users of the first) / (time of the
second - time of the first), times taken around the command `recommender score`, start-up and publishing included,
each the shortest of `--repeats` jobs.
The model's own rate is that of its signature, called on blocks of the same job; NumPy's that of a
matrix product and `argpartition` for the 20 best of all items, in blocks of 256 users, nothing left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.large_bundle import RUN, large_bundle
from benchmarks.results_table import publish, table

MARGINAL = (20_000, 200_000)
GROWTH = (10_000, 50_000, 1_000_000)
N = 20
KINDS = {"retrieve": ("--retrieve-only",), "full rows": ()}
MODEL_BLOCKS = 40
NUMPY_BLOCKS, NUMPY_USERS, DIMENSIONS = 12, 256, 65
VERSION = "1"


@dataclasses.dataclass(frozen=True)
class Run:
    """One job: wall-clock seconds, CPU seconds and the largest memory of one of its processes, in bytes."""

    users: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def main() -> None:
    """Runs the jobs and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=RUN, help="run with the large bundle")
    parser.add_argument("--users", type=int, nargs=2, default=MARGINAL, help="sizes of the two jobs")
    parser.add_argument("--repeats", type=int, default=2, help="jobs of each size, of which the quickest counts")
    parser.add_argument("--growth", action="store_true", help="also the sizes that show how cost grows")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/results.md")
    parser.add_argument("--rates", metavar="BUNDLE", help=argparse.SUPPRESS)
    parser.add_argument("--build", metavar="BUNDLE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rates:
        print(json.dumps(_own_rates(arguments.rates)), flush=True)
        os._exit(0)  # TensorFlow complains about its own end
    if arguments.build:
        build(arguments.run, Path(arguments.build), arguments.users[1])
        return
    sizes = sorted({*arguments.users, *(GROWTH if arguments.growth else ())})
    bundle = many_users(arguments.run, max(sizes))
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as desk:
        wanted = {"retrieve": sorted(arguments.users), "full rows": sizes}
        runs = {
            kind: [_quickest(bundle, users, Path(desk), options, arguments.repeats) for users in wanted[kind]]
            for kind, options in KINDS.items()
        }
    rates = _in_own_process("--rates", str(bundle))
    text = report(runs, json.loads(rates.splitlines()[-1]), arguments.users, load)
    if arguments.growth:
        text += f"\n\nHow cost grows, full rows, start-up included:\n\n{_growth(runs['full rows'])}"
    print(text)
    if arguments.write:
        publish("batch-scoring", text)


def many_users(run: Path, users: int) -> Path:
    """The bundle with so many users; made once, in a process of its own."""
    large_bundle(run)
    bundle = run.absolute() / "batch-scoring" / str(users) / VERSION
    if not (bundle / "saved_model.pb").is_file():
        _in_own_process("--build", str(bundle), "--run", str(run), "--users", "1", str(users))
    return bundle


def build(run: Path, bundle: Path, users: int) -> None:
    """Bundles the models of a run anew, every user repeated under ids of its own, and says what that took."""
    from tfx.types import standard_artifacts

    from components.bundle import executor
    from components.bundle.config import BundleConfig
    from components.example_artifacts import fitted_parts

    def artifact(kind: Any, component: str, key: str) -> Any:
        one = kind()
        folders = (run.absolute() / "artifacts" / component / key).glob("*")
        folder = max(folders, key=lambda path: int(path.name))
        one.uri = str(folder)
        if splits := sorted(path.name.removeprefix("Split-") for path in folder.glob("Split-*")):
            one.split_names = json.dumps(splits)
        return one

    model, examples = standard_artifacts.Model, standard_artifacts.Examples
    inputs = executor.Inputs(
        retrieval=artifact(model, "RetrievalTrainer", "model"),
        index=artifact(model, "CandidateIndexer", "index"),
        ranking=artifact(model, "RankingTrainer", "model"),
        items=artifact(examples, "ExampleGen", "entities"),
        sequences=artifact(examples, "ExampleGen", "sequences"),
    )
    start = time.monotonic()
    output = model()
    output.uri = str(bundle.with_name("artifact"))
    known = executor.known_users
    with mock.patch.object(executor, "known_users", lambda *rows: _repeated(known(*rows), users)):
        parts = fitted_parts(inputs.sequences)
        executor.bundle(BundleConfig(), inputs, parts, output, before_test=False, judged_k=100)
    Path(output.uri, "Format-Serving").rename(bundle)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{users:,} users bundled in {time.monotonic() - start:.0f} s, peak memory {peak / 1e9:.1f} GB", file=sys.stderr
    )


def _repeated(known: Any, users: int) -> Any:
    """The first `users` of the known users, repeated."""
    import numpy as np

    lists = known.interactions
    times = -(-users // len(known.user_ids))
    lengths = np.tile(np.diff(lists.row_splits), times)[:users]
    ids = np.empty(users, dtype=object)
    ids[:] = [b"%s~%d" % (known.user_ids[n % len(known.user_ids)], n // len(known.user_ids)) for n in range(users)]
    splits = np.concatenate([[0], np.cumsum(lengths)])
    flat = {
        name: np.tile(getattr(lists, name), times)[: splits[-1]]
        for name in ("rows", "ratings", "timestamps")
        if len(getattr(lists, name))
    }
    return dataclasses.replace(
        known,
        user_ids=ids,
        interactions=dataclasses.replace(lists, row_splits=splits, **flat),
        before_test=np.tile(known.before_test, times)[:users],
    )


def _quickest(bundle: Path, users: int, desk: Path, options: Sequence[str], repeats: int) -> Run:
    """Of several jobs the one that the machine's other work has held up least."""
    return min((_job(bundle, users, desk, options) for _ in range(repeats)), key=lambda run: run.seconds)


def _job(bundle: Path, users: int, desk: Path, options: Sequence[str]) -> Run:
    """`recommender score` for the first `users` users of the bundle."""
    import pyarrow.parquet as pq

    everybody = pq.read_table(bundle / "assets.extra" / "users.parquet")
    pq.write_table(everybody.slice(0, users), desk / "users.parquet", row_group_size=1 << 17)
    recommender = str(Path(sys.executable).with_name("recommender"))
    command = [recommender, "score", "--model", str(bundle), "--users", str(desk / "users.parquet"), "--n", str(N)]
    command += ["--output", str(desk / "rows.parquet"), "--overwrite", "--json", *options]
    start = time.monotonic()
    with (desk / "summary.json").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    summary = json.loads((desk / "summary.json").read_text()) if status == 0 else {}
    if summary.get("users") != users:
        raise RuntimeError(f"the job of {users} users failed or scored others: {summary}")
    print(f"{users:>9,} users {' '.join(options) or 'full rows'}: {seconds:.1f} s", file=sys.stderr)
    return Run(users, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _in_own_process(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.batch_scoring", *arguments]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


def _own_rates(bundle: str) -> dict[str, float]:
    """Users a second of the signatures on blocks of the job, and of NumPy; and the size of a block."""
    import numpy as np

    from components.batch_scoring.bundle_facts import block_users, read_facts
    from components.batch_scoring.grouping import by_bucket, cut, each_once, number_of_buckets
    from components.batch_scoring.model_handler import LoadedSignature
    from components.batch_scoring.reading import read_piece
    from components.batch_scoring.user_files import find_users

    users = find_users("all", bundle)
    size = block_users(read_facts(bundle))
    records = next(read_piece(users.pieces[0])).users
    blocks = [
        block.users
        for _, some in by_bucket(records, number_of_buckets(records.num_rows, 1))
        for block in cut(each_once([some])[0], 0, size)
    ]
    chosen = [blocks[number * len(blocks) // MODEL_BLOCKS] for number in range(MODEL_BLOCKS)]
    rates = {"block": float(size)}
    for kind in KINDS:
        signature = LoadedSignature(bundle, kind == "retrieve")
        signature(chosen[0], N)
        start = time.monotonic()
        for block in chosen:
            signature(block, N)
        rates[kind] = sum(block.num_rows for block in chosen) / (time.monotonic() - start)
    items = int(read_facts(bundle)["items"])
    generator = np.random.default_rng(1)
    candidates = np.ascontiguousarray(generator.normal(size=(items, DIMENSIONS)).astype(np.float32).T)
    queries = generator.normal(size=(NUMPY_USERS, DIMENSIONS)).astype(np.float32)
    start = time.monotonic()
    for _ in range(NUMPY_BLOCKS):
        np.argpartition(queries @ candidates, items - N, axis=1)[:, items - N :]
    rates["numpy"] = NUMPY_BLOCKS * NUMPY_USERS / (time.monotonic() - start)
    return rates


def report(runs: dict[str, list[Run]], rates: dict[str, float], sizes: Sequence[int], load: float) -> str:
    """What a user costs, for each kind of rows."""
    lines = []
    for kind, jobs in runs.items():
        small, large = (next(job for job in jobs if job.users == size) for size in sizes)
        users = large.users - small.users
        marginal = users / (large.seconds - small.seconds)
        lines.append(
            [
                kind,
                f"{small.seconds:.1f} s",
                f"{large.seconds:.1f} s",
                f"**{marginal:,.0f}**",
                f"{(large.cpu_seconds - small.cpu_seconds) / users * 1e6:.0f} µs",
                f"{rates[kind]:,.0f}",
                f"{marginal / rates[kind]:.2f}",
                f"{large.peak_bytes / 1e9:.1f} GB",
            ]
        )
    lines.append(["NumPy, matmul + argpartition", "–", "–", f"{rates['numpy']:,.0f}", "–", "–", "–", "–"])
    header = [
        "rows",
        *(f"{size:,} users" for size in sizes),
        "users/s, marginal",
        "CPU a user",
        "model call alone, users/s",
        "share of it",
        "peak memory",
    ]
    conditions = f"62,423 items, {N} a user, blocks of {rates['block']:.0f} users, in memory"
    machine = f"{multiprocessing.cpu_count()} cores, load average {load:.1f} before the first job"
    return f"{conditions}, {machine}:\n\n{table(header, lines)}"


def _growth(jobs: Sequence[Run]) -> str:
    header = ["users", "seconds", "CPU seconds", "users/s", "peak memory"]
    return table(
        header,
        [
            [
                f"{job.users:,}",
                f"{job.seconds:,.0f}",
                f"{job.cpu_seconds:,.0f}",
                f"{job.users / job.seconds:,.0f}",
                f"{job.peak_bytes / 1e9:.1f} GB",
            ]
            for job in jobs
        ],
    )


if __name__ == "__main__":
    main()
