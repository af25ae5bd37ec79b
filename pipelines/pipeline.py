"""The flow: one pipeline from raw interactions to a pushed bundle, read from top to bottom."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx.components import ExampleValidator
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from components.baselines.component import PeerLists
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
from pipelines.batch_scoring.component import BatchScorer
from pipelines.config import PipelineConfig
from pipelines.engines import for_tfx
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
    per_run = per_run or PerRun()
    destination = places.pushed_model
    split = resolve_kind(config.split, facts)
    final_fit = resolve_final_fit(config, split)

    ingestion = InteractionExampleGen(
        config=to_json(config.data),
        split=to_json(config.split),
        features=to_json(config.features),
        refit=final_fit == TRAIN_EVAL,
        leave_out_seen=config.bundle.leave_out_seen,
        fingerprint=fingerprint if per_run.fingerprint is None else per_run.fingerprint,
        **per_run.ingestion,
    ).with_id("ExampleGen")
    entities, sequences = ingestion.outputs["entities"], ingestion.outputs["sequences"]
    held_out = ingestion.outputs["examples"]

    checks = [*_checks("Entity", ENTITIES, entities, config), *_checks("Sequence", SEQUENCES, sequences, config)]
    by_id = {check.id: check for check in checks}
    statistics = {
        "entities_statistics": by_id["EntityStatistics"].outputs["statistics"],
        "sequences_statistics": by_id["SequenceStatistics"].outputs["statistics"],
    }
    gate = DataGate(
        entities_anomalies=by_id["EntityValidator"].outputs["anomalies"],
        entities_schema=by_id["EntitySchema"].outputs["schema"],
        sequences_anomalies=by_id["SequenceValidator"].outputs["anomalies"],
        sequences_schema=by_id["SequenceSchema"].outputs["schema"],
        push_directory=destination,
        **statistics,
    ).with_id("DataGate")

    transform = create_transform(entities, by_id["EntitySchema"].outputs["schema"], config.features.specs()).with_id(
        "Transform"
    )
    transform.add_upstream_node(gate)  # nothing is computed on data that did not pass
    transform_graph = transform.outputs["transform_graph"]

    start = ServedModel(push_directory=destination).with_id("StartingModel") if config.training.warm_start else None

    def trainer(which: str, settings: Any, overrides: Mapping[str, Any]) -> RecommenderTrainer:
        return RecommenderTrainer(
            examples=held_out,
            items=entities,
            sequences=sequences,
            transform_graph=transform_graph,
            run_fn=f"components.{which}.training.run_fn",
            config=to_json(settings),
            strategy=config.training.strategy,
            split=to_json(dataclasses.replace(config.split, kind=split)),
            served=start and start.outputs["model"],
            weights=which,
            warm_epochs=config.training.warm_epochs,
            **overrides,
        )

    retrieval = trainer("retrieval", config.retrieval, per_run.retrieval).with_id("RetrievalTrainer")
    ranking = trainer("ranking", config.ranking, per_run.ranking).with_id("RankingTrainer")

    indexer = CandidateIndexer(
        model=retrieval.outputs["model"], items=entities, sequences=sequences, config=to_json(config.index)
    ).with_id("CandidateIndexer")
    embedding_map = EmbeddingMap(
        model=retrieval.outputs["model"], items=entities, sequences=sequences, config=to_json(config.embeddings)
    ).with_id("EmbeddingMap")
    bundler = RecommenderBundler(
        retrieval=retrieval.outputs["model"],
        index=indexer.outputs["index"],
        ranking=ranking.outputs["model"] if facts.has_ratings else None,
        items=entities,
        sequences=sequences,
        config=to_json(config.bundle),
        before_test=knows_before_test(config, split),
        judged_k=config.evaluation.k,
        **statistics,
    ).with_id("RecommenderBundler")
    judged = bundler.outputs["model"]

    peers = PeerLists(
        examples=held_out,
        items=entities,
        sequences=sequences,
        config=to_json(config.peers),
        judged_k=config.evaluation.k,
    ).with_id("PeerLists")
    peers.add_upstream_node(gate)

    served = ServedModel(model=judged, push_directory=destination).with_id("ServedModel")
    evaluator = RecommenderEvaluator(
        examples=peers.outputs["judged_rows"],
        model=judged,
        baseline_model=served.outputs["model"],
        config=per_run.evaluation or to_json(config.evaluation),
        has_ratings=facts.has_ratings,
        has_new_users=config.split.new_users > 0,
    ).with_id("Evaluator")
    final = FinalFit(
        blessing=evaluator.outputs["blessing"],
        judged=judged,
        retrieval_run=retrieval.outputs["model_run"],
        ranking_run=ranking.outputs["model_run"] if facts.has_ratings else None,
        transform_graph=transform_graph,
        entities=entities,
        sequences=sequences,
        index=to_json(config.index),
        bundle=to_json(config.bundle),
        strategy=config.training.strategy,
        judged_k=config.evaluation.k,
    ).with_id("FinalFit")
    pusher = AtomicPusher(
        model=final.outputs["model"] if final_fit == ALL else judged,
        judged=judged,
        model_blessing=evaluator.outputs["blessing"],
        push_directory=destination,
    ).with_id("Pusher")
    report = RunReport(  # of every run: it asks for no blessing and waits for no push
        profile=ingestion.outputs["profile"],
        gate=gate.outputs["gate"],
        retrieval_run=retrieval.outputs["model_run"],
        ranking_run=ranking.outputs["model_run"] if facts.has_ratings else None,
        index=indexer.outputs["index"],
        model=judged,
        embeddings=embedding_map.outputs["embeddings"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        config=to_json(config.report),
    ).with_id("RunReport")
    scorer = BatchScorer(pushed_model=pusher.outputs["pushed_model"], config=to_json(config.batch_scores)).with_id(
        "BatchScorer"
    )

    return Pipeline(
        pipeline_name=NAME,
        pipeline_root=places.pipeline_root,
        components=[
            ingestion,
            *checks,
            gate,
            transform,
            *([start] if start else []),
            retrieval,
            *([ranking] if facts.has_ratings else []),
            indexer,
            embedding_map,
            bundler,
            peers,
            served,
            evaluator,
            *([final] if final_fit == ALL else []),
            pusher,
            report,
            *([scorer] if config.batch_scores.enabled else []),
        ],
        enable_cache=True,
        metadata_connection_config=places.metadata and metadata.sqlite_metadata_connection_config(places.metadata),
        beam_pipeline_args=list(beam_pipeline_args),
    )


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


def _checks(prefix: str, kind: str, examples: Any, config: PipelineConfig) -> list[Any]:
    """Statistics, curated schema and validator of one kind of Examples."""
    statistics = RecommenderStatisticsGen(examples=examples, config=to_json(config.statistics)).with_id(
        f"{prefix}Statistics"
    )
    schema = CuratedSchema(text=_schema(kind, config)).with_id(f"{prefix}Schema")
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]).with_id(
        f"{prefix}Validator"
    )
    return [statistics, schema, validator]


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
