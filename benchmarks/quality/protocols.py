"""What the quality benchmark measures: protocols, and the models of each by their settings."""

from __future__ import annotations

import dataclasses

LISTS, RATINGS = "lists", "ratings"
SEQUENCES = "Beauty"
"""The protocol whose file of sequences a person gives."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Model:
    """One row of a table.

    Attributes:
      label: What the row is called.
      preset: Name of the preset.
      settings: Values of `--set`.
      architecture: Whether the row belongs to the table of rating models instead.
    """

    label: str
    preset: str = "movielens-latest-small"
    settings: tuple[str, ...] = ()
    architecture: bool = False

    @property
    def key(self) -> str:
        """Name of the file that keeps its result."""
        return "_".join([self.preset, *self.settings]).replace("/", "-")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """A split, a question and the models that answer it.

    Attributes:
      name: Of splits.PROTOCOLS, or SEQUENCES.
      title: What is asked.
      answers: `lists` or `ratings`.
      metrics: Columns of the table; the first one orders the rows.
      models: Rows of the table that are measured here.
      known_users_only: Whether test rows of users without any row before are left out.
      with_items: Whether there is a table of items.
    """

    name: str
    title: str
    answers: str
    metrics: tuple[str, ...]
    models: tuple[Model, ...]
    known_users_only: bool = False
    with_items: bool = True


# Ratings are judged and lists are not: the list model is trained for one epoch only.
RATINGS_ONLY = ("retrieval.epochs=1", "retrieval.seeds=1")
ONE_SEED = "ranking.seeds=1"

PROTOCOLS = (
    Protocol(
        name="R1",
        title="The next item: the last row of each of 610 users",
        answers=LISTS,
        metrics=("ndcg@10", "hr@10", "recall@50", "recall@100", "coverage@10"),
        models=(
            Model(label="this project", settings=("retrieval.seeds=1",)),
            Model(label="this project"),
        ),
    ),
    Protocol(
        name="R3",
        title="What else a user likes: a random tenth of each user's rows",
        answers=LISTS,
        metrics=("ndcg@20", "recall@20", "recall@100"),
        models=(
            Model(
                label="this project",
                preset="movielens-latest-small-random",
                settings=("split.kind=presplit",),
            ),
        ),
    ),
    Protocol(
        name="P2",
        title="Ratings: a random tenth of all rows",
        answers=RATINGS,
        metrics=("rmse", "mae", "mse"),
        models=(
            Model(label="this project", settings=(*RATINGS_ONLY, ONE_SEED)),
            Model(label="this project", settings=RATINGS_ONLY),
            *(
                Model(
                    label=label,
                    settings=(*RATINGS_ONLY, ONE_SEED, *settings),
                    architecture=True,
                )
                for label, settings in (
                    ("`cross`", ("ranking.architecture=cross",)),
                    ("`dense`", ("ranking.architecture=dense",)),
                    ("`matrix_factorization`", ("ranking.architecture=matrix_factorization",)),
                    (
                        "`matrix_factorization` with `implicit`",
                        ("ranking.architecture=matrix_factorization", "ranking.implicit=true"),
                    ),
                )
            ),
        ),
    ),
    Protocol(
        name="P3",
        title="Later ratings: the last tenth of all rows in time, of users who have earlier ones",
        answers=RATINGS,
        metrics=("rmse", "mae", "mse"),
        models=(
            Model(label="this project", settings=(*RATINGS_ONLY, ONE_SEED)),
            Model(label="this project", settings=RATINGS_ONLY),
        ),
        known_users_only=True,
    ),
    Protocol(
        name=SEQUENCES,
        title="The next item of sparse sequences: Amazon Beauty, 5-core, the last row of each of 22,363 users",
        answers=LISTS,
        metrics=("ndcg@10", "recall@10", "recall@100"),
        models=(Model(label="this project", preset="auto", settings=("split.kind=presplit",)),),
        with_items=False,
    ),
)
