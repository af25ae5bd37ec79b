"""What a trial does: it trains a model by the trainer's own modules, and the eval rows say how good it is.

Only files of the catalogue, of the users' training sequences and of the eval split are named here, so no
test row can be looked at.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from components import artifacts, features
from components.errors import InputError
from components.examples import Catalogue, Interactions, MarkedRows, read_catalogue, read_interactions, read_marked_rows
from components.feature_specs import CONTEXT, of, specs_from_json
from components.memory import give_back
from components.ranking import fitting as ranking_fitting
from components.ranking.architectures import find_architecture
from components.ranking.auto import resolve as resolve_ranking
from components.ranking.config import RankingConfig
from components.ranking.fitting import RMSE
from components.ranking.known_ratings import RatingRows, held_out_rows
from components.ranking.training import lay_out, of_known_users
from components.retrieval.auto import resolve
from components.retrieval.config import RetrievalConfig
from components.retrieval.fitting import fit as fit_retrieval
from components.retrieval.judging import METRIC
from components.retrieval.training_data import chosen_loss, is_ordered, training_data
from components.seen_rule import ALWAYS
from components.training.inputs import LIKED_FROM, SEQUENCES, USERS
from components.training.phases import Phase, read_phases
from components.training.replicas import Replicas, create_replicas
from components.training.training_log import Epoch, TrainingLog
from components.transform.graph import TransformGraph
from pipelines.config import PipelineConfig
from pipelines.tuning.search_space import FIXED_L2, IMPLICIT, ORDERED, SOFTMAX

RETRIEVAL, RANKING = "retrieval", "ranking"
REPORTS = 25
"""Most intermediate values of a training, whose epochs may be hundreds of a hundredth of a second."""

Report = Callable[[int, float], None]
"""Takes an epoch and the best metric up to it; may raise to end the training."""


class DivergedError(Exception):
    """The loss is no number any more."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialFiles:
    """What the data stages have left for trials.

    Attributes:
      catalogue: File pattern of the items.
      users: File pattern of the users.
      features: FeatureSpecs that the data have, as JSON.
      sequences: File pattern of the users' rows.
      liked_from: Rows rated below are dislikes; None: there are none.
      leave_out_seen: What lists leave out.
      eval_rows: File pattern of the eval split.
      transform_graph: Folder of Transform's output.
    """

    catalogue: str
    users: str
    features: str
    sequences: str
    liked_from: float | None
    leave_out_seen: str
    eval_rows: str
    transform_graph: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a training came to.

    Attributes:
      value: The metric of the best epoch, the mean over the seeds.
      epochs: Epochs trained, of the first seed.
      best_epoch: The epoch whose metric counts, of the first seed.
    """

    value: float
    epochs: int
    best_epoch: int


class Trials(abc.ABC):
    """Trains one of the two models with given settings.

    Args:
      config: The preset's settings; those of data and training are the same for all trials.
      files: What the data stages have left.

    Attributes:
      metric: What is judged, as people write it.
      higher_is_better: Whether the largest value is the best one.
      traits: Names for `Parameter.only`.
    """

    metric: str
    higher_is_better: bool

    def __init__(self, config: PipelineConfig, files: TrialFiles) -> None:
        self._graph = TransformGraph(files.transform_graph, specs_from_json(files.features))
        self._catalogue: Catalogue = read_catalogue([files.catalogue])
        inputs = {SEQUENCES: [files.sequences], USERS: [files.users], LIKED_FROM: files.liked_from}
        self._repeats = files.leave_out_seen != ALWAYS
        self._phase: Phase = read_phases(inputs, self._graph, self._catalogue)[0]
        self._replicas: Replicas = create_replicas(config.training.strategy)
        self._eval_files = [files.eval_rows]
        self.traits = self._read(config)

    @abc.abstractmethod
    def _read(self, config: PipelineConfig) -> frozenset[str]:
        """Reads the eval rows, and says which traits hold; raises an InputError where there are none."""

    def settled(self, config: PipelineConfig) -> PipelineConfig:
        """The settings with those that are left open chosen by the data, as a run would choose them."""
        return config

    @abc.abstractmethod
    def _train(self, config: PipelineConfig, seed: int, best: _BestSoFar) -> None:
        """Trains once, and hands every judged epoch to `best`."""

    def train(self, config: PipelineConfig, report: Report, *, seeds: int = 1) -> Outcome:
        """Trains with the settings.

        Args:
          config: Every setting of the trial.
          report: Gets intermediate values of the first seed.
          seeds: Trainings, with as many seeds, over which the metric is averaged.

        Raises:
          DivergedError: A loss was no number any more.
        """
        runs = []
        for number in range(seeds):
            best = _BestSoFar(self.higher_is_better, self._most_epochs(config), report if number == 0 else None)
            self._train(config, self._first_seed(config) + number, best)
            runs.append(best)
            # One process trains all trials: what Keras remembers of the last model is let go.
            give_back()
        value = sum(run.value for run in runs) / seeds
        if not math.isfinite(value):
            raise DivergedError(self.metric)
        return Outcome(value=value, epochs=runs[0].epochs, best_epoch=runs[0].epoch)

    @abc.abstractmethod
    def _most_epochs(self, config: PipelineConfig) -> int: ...

    @abc.abstractmethod
    def _first_seed(self, config: PipelineConfig) -> int: ...


class _BestSoFar:
    """The best metric of a training up to now; reports it now and then."""

    def __init__(self, higher_is_better: bool, most_epochs: int, report: Report | None) -> None:
        self._sign = 1.0 if higher_is_better else -1.0
        self._every = max(1, most_epochs // REPORTS)
        self._report = report
        self.value = math.nan
        self.epoch = 0
        self.epochs = 0

    def add(self, epoch: Epoch, name: str) -> None:
        """Takes an epoch, and its metric of that name where it was judged."""
        if not math.isfinite(epoch.loss):
            raise DivergedError(f"the loss of epoch {epoch.epoch} is {epoch.loss}")
        self.epochs = epoch.epoch
        if name not in epoch.metrics:
            return
        if self.epoch == 0 or self._sign * epoch.metrics[name] > self._sign * self.value:
            self.value, self.epoch = epoch.metrics[name], epoch.epoch
        if self._report is not None and epoch.epoch % self._every == 0:
            self._report(epoch.epoch, self.value)


class RetrievalTrials(Trials):
    """The two-tower model by NDCG@100 of the eval split, on which its training stops."""

    metric = METRIC
    higher_is_better = True

    def _read(self, config: PipelineConfig) -> frozenset[str]:
        self._marked: MarkedRows = read_marked_rows(
            self._eval_files, self._catalogue.item_ids, of(self._graph.specs, CONTEXT)
        )
        _require_eval_rows(len(self._marked.user_ids))
        _require_training_rows(len(self._phase.sequences.items.rows))
        rows, items = self._phase.sequences.items, len(self._catalogue)
        loss = chosen_loss(config.retrieval, rows, items)
        traits = {loss}
        if is_ordered(config.retrieval, rows):
            traits.add(ORDERED)
        if loss in SOFTMAX and config.retrieval.l2 is not None:
            traits.add(FIXED_L2)
        return frozenset(traits)

    def settled(self, config: PipelineConfig) -> PipelineConfig:
        liked = self._phase.sequences.liked(self._phase.liked_from)
        return dataclasses.replace(config, retrieval=resolve(config.retrieval, liked.items, len(self._catalogue)))

    def _train(self, config: PipelineConfig, seed: int, best: _BestSoFar) -> None:
        settings = dataclasses.replace(config.retrieval, seeds=1, seed=seed)
        data = training_data(settings, self._phase, self._marked, repeats=self._repeats)
        fit_retrieval(settings, data, _Listening(settings, best), self._replicas)

    def _most_epochs(self, config: PipelineConfig) -> int:
        return config.retrieval.epochs

    def _first_seed(self, config: PipelineConfig) -> int:
        return config.retrieval.seed


class RankingTrials(Trials):
    """The rating model by RMSE of the eval rows of known users, on which its training stops."""

    metric = RMSE
    higher_is_better = False

    def _read(self, config: PipelineConfig) -> frozenset[str]:
        rows: Interactions = read_interactions(self._eval_files, self._catalogue.item_ids)
        users = self._phase.sequences.user_ids
        self._rows: RatingRows = of_known_users(held_out_rows(rows, users), users)
        _require_eval_rows(len(self._rows))
        _require_training_rows(len(self._phase.sequences.items.rows))
        return find_architecture(config.ranking.architecture).reads | ({IMPLICIT} if config.ranking.implicit else set())

    def settled(self, config: PipelineConfig) -> PipelineConfig:
        rows = len(self._phase.sequences.items.rows)
        return dataclasses.replace(config, ranking=resolve_ranking(config.ranking, rows))

    def _train(self, config: PipelineConfig, seed: int, best: _BestSoFar) -> None:
        settings: RankingConfig = dataclasses.replace(config.ranking, seeds=1, seed=seed)
        items, known = lay_out(settings, self._graph, self._phase)
        ranking_fitting.fit(
            settings,
            items,
            known,
            self._rows,
            lambda epoch: best.add(epoch, RMSE),
            self._replicas,
        )

    def _most_epochs(self, config: PipelineConfig) -> int:
        return config.ranking.epochs

    def _first_seed(self, config: PipelineConfig) -> int:
        return config.ranking.seed


TRIALS: dict[str, type[Trials]] = {RETRIEVAL: RetrievalTrials, RANKING: RankingTrials}


class _Listening(TrainingLog):
    """Hands the epochs of the retrieval trainer on instead of writing them down."""

    def __init__(self, config: RetrievalConfig, best: _BestSoFar) -> None:
        super().__init__(METRIC, epochs=config.epochs, higher_is_better=True)
        self._taken_by = best

    def add(self, epoch: Epoch) -> None:
        self._taken_by.add(epoch, METRIC)


def files_of(outputs: Mapping[str, Mapping[str, Any]]) -> TrialFiles:
    """The files of a run's data stages.

    Args:
      outputs: By stage and output key, what has a `path` and `properties`: ExampleGen and Transform.
    """
    written = outputs["ExampleGen"]
    dislikes = written["sequences"].properties.get(artifacts.LIKED_FROM)
    return TrialFiles(
        catalogue=f"{written['entities'].path}/Split-{features.ITEMS_SPLIT}/*",
        users=f"{written['entities'].path}/Split-{features.USERS_SPLIT}/*",
        features=str(written["entities"].properties.get(artifacts.FEATURES, "[]")),
        sequences=f"{written['sequences'].path}/Split-{features.SEQUENCES_SPLIT}/*",
        liked_from=float(dislikes) if dislikes else None,
        leave_out_seen=str(written["sequences"].properties.get(artifacts.LEAVE_OUT_SEEN, ALWAYS)),
        eval_rows=f"{written['examples'].path}/Split-{features.EVAL}/*",
        transform_graph=str(outputs["Transform"]["transform_graph"].path),
    )


def _require_eval_rows(rows: int) -> None:
    if not rows:
        raise InputError(
            "there are no eval rows, and they are what settings are judged by",
            expected="at least one",
            received="0",
            action="give eval rows with --eval-ratings, or let the pipeline split the data (docs/architecture.md)",
        )


def _require_training_rows(rows: int) -> None:
    if not rows:
        raise InputError("there are no training rows", expected="at least one", received="0")
