"""The bundle that the benchmarks of serving ask: 62,423 items, 20,000 users, made once by `recommender run`.

    python -m benchmarks large_bundle            makes it where it is not yet, and prints its folder

62,423 items are as many as MovieLens 25M has. The models are trained for a few epochs only: what is
measured is speed, and the vectors need a trained structure for the index to be a real one.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from components.push.versions import newest, version_path

RUN = Path("runs") / "benchmark-62k"
ITEMS = 62_423
USERS = 20_000
RATINGS = 600_000
SETTINGS = (
    f"data.demo_items={ITEMS}",
    f"data.demo_users={USERS}",
    f"data.demo_ratings={RATINGS}",
    "retrieval.embedding_dim=64",
    "retrieval.seeds=1",
    "retrieval.loss=in_batch_softmax",
    "retrieval.batch_size=1024",
    "retrieval.cuts_per_user=1",
    "retrieval.epochs=4",
    "retrieval.eval_every=2",
    "retrieval.eval_users=1000",
    "ranking.epochs=15",
)


def main() -> None:
    """Makes the bundle where there is none yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RUN, help="folder of the run")
    print(large_bundle(parser.parse_args().output))


def large_bundle(run: Path = RUN) -> Path:
    """The folder of the bundle; trains it in some minutes where the run is not there yet."""
    return _bundle_of(run) or _made(run)


def large_bundle_versions(run: Path = RUN) -> Path:
    """A folder of versions that holds it, for a server."""
    bundle = large_bundle(run)
    if bundle.name.isdigit():
        return bundle.parent
    versions = run / "versions"
    if newest(versions) is None:  # it was refused, so nothing was pushed
        incoming = versions / ".incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.copytree(bundle, incoming)
        incoming.rename(versions / "1")
    return versions


def exact_twin(run: Path = RUN) -> Path:
    """The same bundle with an exact index of stock operations; `recommender export` makes it where it is missing."""
    bundle, output = large_bundle(run), run / "stock"
    version = newest(output)
    if version is None:
        command = [str(Path(sys.executable).parent / "recommender"), "export", "--model", str(bundle)]
        subprocess.run([*command, "--output", str(output)], check=True, stdout=sys.stderr)
        version = newest(output)
    assert version is not None
    return Path(version_path(output, version))


def user_ids() -> list[str]:
    """Ids of all its users; some have too few ratings to be known."""
    return [str(number) for number in range(1, USERS + 1)]


def _made(run: Path) -> Path:
    command = [str(Path(sys.executable).parent / "recommender"), "run", "--preset", "demo", "--output", str(run)]
    subprocess.run([*command, *(part for s in SETTINGS for part in ("--set", s))], check=True, stdout=sys.stderr)
    bundle = _bundle_of(run)
    if bundle is None:
        raise RuntimeError(f"{run} holds no bundle after its run")
    return bundle


def _bundle_of(run: Path) -> Path | None:
    """The pushed version, or the bundle that was refused: it is as large and as fast."""
    version = newest(run / "pushed_model")
    if version is not None:
        return Path(version_path(run / "pushed_model", version))
    built = sorted((run / "artifacts" / "RecommenderBundler" / "model").glob("*"), key=lambda path: int(path.name))
    return built[-1] / "Format-Serving" if built else None


if __name__ == "__main__":
    main()
