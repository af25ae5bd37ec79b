"""The flow: one pipeline from raw interactions to a pushed bundle, read from top to bottom."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx.components import ExampleValidator
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from components.baselines.component import PeerLists
from components.batch_scoring.component import BatchScorer
from components.beam.engines import for_tfx
from components.bundle.component import RecommenderBundler
from components.embeddings.component import EmbeddingMap
from components.errors import InputError
from components.evaluation.component import RecommenderEvaluator
from components.final_fit.component import FinalFit
from components.index.component import CandidateIndexer
from components.ingestion.component import InteractionExampleGen
from components.ingestion.source import SourceFacts
from components.ingestion.sources import find_source
from components.ingestion.splits import resolve_kind
from components.push.component import AtomicPusher
from components.push.served_model.component import ServedModel
from components.report.component import RunReport
from components.schema.component import CuratedSchema
from components.schema.curated import ENTITIES, SEQUENCES, curated_schema, to_text
from components.settings import to_json
from components.training.component import RecommenderTrainer
from components.training.config import ALL, AUTO, MULTI_WORKER, TRAIN_EVAL
from components.transform.component import create_transform
from components.validation.component import DataGate, RecommenderStatisticsGen
from pipelines.config import PipelineConfig
from pipelines.local_run.places import Places
from pipelines.per_run import PerRun

NAME = "recommender"
IN_MEMORY = for_tfx(())


def create_pipeline(
    config: PipelineConfig,
    *,
    places: Places,
    facts: SourceFacts,
    fingerprint: str,
    per_run: PerRun | None = None,
    beam_pipeline_args: tuple[str, ...] = IN_MEMORY,
) -> Pipeline:
    """Wires all stages.

    Args:
      config: Every setting.
      places: Where artifacts, pushed versions and TFX's record go.
      facts: What the columns of the source tell; data without ratings gets no ranking model.
      fingerprint: Of the source: changed data never answer from the cache.
      per_run: What an orchestrator asks for when a run is submitted; None: nothing.
      beam_pipeline_args: Options of the Beam stages.
    """
    flow = _Flow(config, facts, places.pushed_model, per_run or PerRun())
    stages = [*flow.data(fingerprint), *flow.models(), *flow.bundle(), *flow.judgement(), *flow.publication()]
    return Pipeline(
        pipeline_name=NAME,
        pipeline_root=places.pipeline_root,
        components=stages,
        enable_cache=True,
        metadata_connection_config=places.metadata and metadata.sqlite_metadata_connection_config(places.metadata),
        beam_pipeline_args=list(beam_pipeline_args),
    )


class _Flow:
    """The stages in five parts, in the order in which they are called: each reads what those before it have made."""

    def __init__(self, config: PipelineConfig, facts: SourceFacts, destination: Any, per_run: PerRun) -> None:
        self._config, self._facts, self._destination, self._per_run = config, facts, destination, per_run
        self._split = resolve_kind(config.split, facts)
        self._final_fit = resolve_final_fit(config, self._split)

    def data(self, fingerprint: str) -> list[Any]:
        """Rows that have passed, and the vocabularies of what they name."""
        config, per_run = self._config, self._per_run
        self._ingestion = InteractionExampleGen(
            config=to_json(config.data),
            split=to_json(config.split),
            features=to_json(config.features),
            refit=self._final_fit == TRAIN_EVAL,
            leave_out_seen=config.bundle.leave_out_seen,
            fingerprint=fingerprint if per_run.fingerprint is None else per_run.fingerprint,
            **per_run.ingestion,
        ).with_id("ExampleGen")
        self._entities, self._held_out = (self._ingestion.outputs[key] for key in ("entities", "examples"))
        self._sequences = self._ingestion.outputs["sequences"]
        entities = _Checks("Entity", ENTITIES, self._entities, config)
        sequences = _Checks("Sequence", SEQUENCES, self._sequences, config)
        self._statistics = {"entities_statistics": entities.statistics, "sequences_statistics": sequences.statistics}
        self._gate = DataGate(
            entities_anomalies=entities.anomalies,
            entities_schema=entities.schema,
            sequences_anomalies=sequences.anomalies,
            sequences_schema=sequences.schema,
            push_directory=self._destination,
            **self._statistics,
        ).with_id("DataGate")
        transform = create_transform(self._entities, entities.schema, config.features.specs()).with_id("Transform")
        transform.add_upstream_node(self._gate)  # nothing is computed on data that did not pass
        self._transform_graph = transform.outputs["transform_graph"]
        return [self._ingestion, *entities.stages, *sequences.stages, self._gate, transform]

    def models(self) -> list[Any]:
        """Both trainers, the index of the retrieval model and the map of its items; no ranking without ratings."""
        config, per_run = self._config, self._per_run
        start = None
        if config.training.warm_start:
            start = ServedModel(push_directory=self._destination).with_id("StartingModel")
        retrieval = self._trainer("retrieval", config.retrieval, start, per_run.retrieval).with_id("RetrievalTrainer")
        ranking = None
        if self._facts.has_ratings:
            ranking = self._trainer("ranking", config.ranking, start, per_run.ranking).with_id("RankingTrainer")
        self._retrieval, self._ranking = retrieval.outputs, ranking and ranking.outputs
        known = {"model": retrieval.outputs["model"], "items": self._entities, "sequences": self._sequences}
        indexer = CandidateIndexer(**known, config=to_json(config.index)).with_id("CandidateIndexer")
        embedding_map = EmbeddingMap(**known, config=to_json(config.embeddings)).with_id("EmbeddingMap")
        self._index, self._embeddings = indexer.outputs["index"], embedding_map.outputs["embeddings"]
        return [stage for stage in (start, retrieval, ranking, indexer, embedding_map) if stage is not None]

    def _trainer(
        self, which: str, settings: Any, start: ServedModel | None, overrides: Mapping[str, Any]
    ) -> RecommenderTrainer:
        training = self._config.training
        return RecommenderTrainer(
            examples=self._held_out,
            items=self._entities,
            sequences=self._sequences,
            transform_graph=self._transform_graph,
            run_fn=f"components.{which}.training.run_fn",
            config=to_json(settings),
            strategy=training.strategy,
            split=to_json(dataclasses.replace(self._config.split, kind=self._split)),
            served=start and start.outputs["model"],
            weights=which,
            warm_epochs=training.warm_epochs,
            **overrides,
        )

    def bundle(self) -> list[Any]:
        """Everything in one SavedModel, which is what is judged."""
        config = self._config
        bundler = RecommenderBundler(
            retrieval=self._retrieval["model"],
            index=self._index,
            ranking=self._ranking and self._ranking["model"],
            items=self._entities,
            sequences=self._sequences,
            config=to_json(config.bundle),
            before_test=int(knows_before_test(config, self._split)),
            judged_k=config.evaluation.k,
            **self._statistics,
        ).with_id("RecommenderBundler")
        self._judged = bundler.outputs["model"]
        return [bundler]

    def judgement(self) -> list[Any]:
        """The bundle beside the peers and what is served now."""
        config = self._config
        peers = PeerLists(
            examples=self._held_out,
            items=self._entities,
            sequences=self._sequences,
            config=to_json(config.peers),
            judged_k=config.evaluation.k,
        ).with_id("PeerLists")
        peers.add_upstream_node(self._gate)
        served = ServedModel(model=self._judged, push_directory=self._destination).with_id("ServedModel")
        evaluator = RecommenderEvaluator(
            examples=peers.outputs["judged_rows"],
            model=self._judged,
            baseline_model=served.outputs["model"],
            config=self._per_run.evaluation or to_json(config.evaluation),
            has_ratings=self._facts.has_ratings,
            has_new_users=config.split.new_users > 0,
        ).with_id("Evaluator")
        self._verdict = evaluator.outputs
        return [peers, served, evaluator]

    def publication(self) -> list[Any]:
        """What goes live, once it has learned from every row, and the report, which is written blessed or not."""
        config, stages = self._config, []
        runs = {
            "retrieval_run": self._retrieval["model_run"],
            "ranking_run": self._ranking and self._ranking["model_run"],
        }
        model = self._judged
        if self._final_fit == ALL:
            final = FinalFit(
                blessing=self._verdict["blessing"],
                judged=self._judged,
                **runs,
                transform_graph=self._transform_graph,
                entities=self._entities,
                sequences=self._sequences,
                index=to_json(config.index),
                bundle=to_json(config.bundle),
                strategy=config.training.strategy,
                judged_k=config.evaluation.k,
            ).with_id("FinalFit")
            model = final.outputs["model"]
            stages.append(final)
        pusher = AtomicPusher(
            model=model,
            judged=self._judged,
            model_blessing=self._verdict["blessing"],
            push_directory=self._destination,
        ).with_id("Pusher")
        stages += [pusher, self._report(runs)]
        if config.batch_scores.enabled:
            pushed = pusher.outputs["pushed_model"]
            stages.append(BatchScorer(pushed_model=pushed, config=to_json(config.batch_scores)).with_id("BatchScorer"))
        return stages

    def _report(self, runs: Mapping[str, Any]) -> Any:
        """The report of every run: it asks for no blessing and waits for no push."""
        return RunReport(
            profile=self._ingestion.outputs["profile"],
            gate=self._gate.outputs["gate"],
            **runs,
            index=self._index,
            model=self._judged,
            embeddings=self._embeddings,
            evaluation=self._verdict["evaluation"],
            blessing=self._verdict["blessing"],
            config=to_json(self._config.report),
        ).with_id("RunReport")


def resolve_final_fit(config: PipelineConfig, split: str) -> str:
    """What `training.final_fit` means: `none`, `train_eval` or `all`.

    Raises:
      InputError: Everything is to be learned, and the test rows are to be unknown or the trainers are several; or eval
        rows are to be learned and to choose the epochs of weights that know them.
    """
    chosen = config.training.final_fit
    if chosen == AUTO:
        several = config.training.strategy == MULTI_WORKER
        chosen = TRAIN_EVAL if split == "presplit" or several or knows_before_test(config, split) else ALL
    if config.training.warm_start and chosen == TRAIN_EVAL:
        raise InputError(
            f"training.warm_start does not go with training.final_fit = {TRAIN_EVAL}",
            expected="none or all: weights that have learned from eval rows cannot be chosen by them",
            received=f"{config.training.final_fit}, which means {TRAIN_EVAL} here",
            action="set training.final_fit=none, or leave training.warm_start out",
        )
    for setting, clashes in (
        ("bundle.known_rows = before_test", knows_before_test(config, split)),
        (f"training.strategy = {MULTI_WORKER}", config.training.strategy == MULTI_WORKER),
    ):
        if chosen == ALL and clashes:
            raise InputError(
                f"training.final_fit = {ALL} does not go with {setting}",
                expected=f"{TRAIN_EVAL} or none",
                received=chosen,
                action=f"set training.final_fit={TRAIN_EVAL}, or change the other setting",
            )
    return chosen


def knows_before_test(config: PipelineConfig, split: str) -> bool:
    """Whether the served signatures know only what came before the test rows."""
    if config.bundle.known_rows == "auto":
        return split == "presplit"
    return config.bundle.known_rows == "before_test"


class _Checks:
    """Statistics, curated schema and validator of one kind of Examples.

    Attributes:
      stages: All three.
      statistics: Output of the first, as `schema` and `anomalies` of the others.
    """

    def __init__(self, prefix: str, kind: str, examples: Any, config: PipelineConfig) -> None:
        statistics = RecommenderStatisticsGen(examples=examples, config=to_json(config.statistics))
        self.statistics = statistics.with_id(f"{prefix}Statistics").outputs["statistics"]
        schema = CuratedSchema(text=_schema(kind, config)).with_id(f"{prefix}Schema")
        self.schema = schema.outputs["schema"]
        validator = ExampleValidator(statistics=self.statistics, schema=self.schema).with_id(f"{prefix}Validator")
        self.anomalies = validator.outputs["anomalies"]
        self.stages = [statistics, schema, validator]


def _schema(kind: str, config: PipelineConfig) -> str:
    """The packaged schema, or one adapted to data with other ratings or other genres."""
    return to_text(
        curated_schema(
            kind,
            config.features.specs(),
            rating_min=config.data.rating_min,
            rating_max=config.data.rating_max,
            any_genre=find_source(config.data.source).is_own,
            drift_above=config.statistics.drift_above,
        )
    )
