"""Statistics of the data that a version was trained on, kept in its bundle.

So later data can be compared with them by nothing but the push destination, on a laptop and on a cluster.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from components.push.versions import complete_versions, judged_path
from components.storage import storage_for
from serving.contract import EXTRA_ASSETS

FOLDER = f"{EXTRA_ASSETS}/statistics"

INPUTS = {"entities": "entities_statistics", "sequences": "sequences_statistics"}
"""How stages call the ExampleStatistics that they take, by the name of the data."""

Split = tuple[str, str]
"""Name of the data and of the split."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """The data that a run's data are compared with.

    Attributes:
      version: The version that was trained on them.
      digest: SHA-256 of their statistics.
      statistics: Serialized, by split.
    """

    version: int
    digest: str
    statistics: Mapping[Split, bytes]


def keep(statistics: Mapping[Split, bytes], bundle: str) -> None:
    """Writes statistics into the bundle in the folder `bundle`."""
    storage = storage_for(bundle)
    for (data, split), content in statistics.items():
        storage.write(f"{bundle}/{FOLDER}/{data}/{split}.pb", [content])


def find_reference(push_directory: str, own: Mapping[Split, bytes]) -> Reference | None:
    """The newest version at the push destination that was trained on other data; None without one.

    Args:
      push_directory: Where versions lie.
      own: The statistics of this run.
    """
    for version in reversed(complete_versions(push_directory)):
        kept = kept_statistics(push_directory, version)
        if kept and _digest(kept) != _digest(own):
            return Reference(version=version, digest=_digest(kept), statistics=kept)
    return None


def kept_statistics(push_directory: str, version: int) -> dict[Split, bytes]:
    """The statistics of the data that a version was trained on, serialized; none where it keeps none."""
    return dict(_kept(f"{judged_path(push_directory, version)}/{FOLDER}"))


def _kept(folder: str) -> Iterator[tuple[Split, bytes]]:
    storage = storage_for(folder)
    for name in storage.files(folder):
        path = PurePosixPath(name)
        yield (path.parent.name, path.stem), b"".join(storage.read(f"{folder}/{name}"))


def _digest(statistics: Mapping[Split, bytes]) -> str:
    whole = hashlib.sha256()
    for split, content in sorted(statistics.items()):
        whole.update(f"{split} {hashlib.sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()
