"""Sources of data by the name that `data.source` gives them: a row each.

A further one needs no line here: `data.source = package.module:NAME` names a SourceKind in any module that can be
imported where the run is (and in the image, on Kubeflow).
"""

from __future__ import annotations

import dataclasses

from components.by_path import find


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceKind:
    """A source, and what others must know of it.

    Attributes:
      opens: Its class, a `Source` (source.py) that takes a DataConfig, as `package.module:Class`.
      parameters: Settings of the section `data` that a run on Kubeflow may be given when it is submitted.
      is_generated: Whether it needs no file and no network: then it is opened wherever a pipeline is compiled.
      is_own: Whether the data are somebody's own: any genre is one, and what has no ratings is told when it is read.
    """

    opens: str
    parameters: tuple[str, ...] = ()
    is_generated: bool = False
    is_own: bool = True


SOURCES = {
    "demo": SourceKind(
        opens="components.ingestion.demo_source:DemoSource",
        parameters=("demo_seed",),
        is_generated=True,
        is_own=False,
    ),
    "movielens": SourceKind(
        opens="components.ingestion.movielens:MovielensSource", parameters=("dataset",), is_own=False
    ),
    "files": SourceKind(opens="components.ingestion.files:FilesSource", parameters=("ratings", "span", "items")),
}


def find_source(name: str) -> SourceKind:
    """The source that a setting names.

    Raises:
      InputError: There is none of that name.
    """
    return SOURCES[name] if name in SOURCES else find("data.source", name, SourceKind, SOURCES)
