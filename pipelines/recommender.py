"""The flow: one pipeline from raw interactions to a pushed bundle, read from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx.components import ExampleValidator
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from components.bundle.component import RecommenderBundler
from components.embeddings.component import EmbeddingMap
from components.evaluation.component import RecommenderEvaluator
from components.evaluation.served_model.component import ServedModel
from components.index.component import CandidateIndexer
from components.ingestion.blocks import SourceFacts
from components.ingestion.component import MoviesExampleGen, RatingsExampleGen
from components.ingestion.splits import resolve_kind
from components.peers.component import PeerLists
from components.push.component import AtomicPusher
from components.report.component import RunReport
from components.schema.component import CuratedSchema
from components.schema.curated import curated_schema, to_text
from components.settings import to_json
from components.training.component import RecommenderTrainer
from components.transform.component import create_transform
from components.validation.component import DataGate, RecommenderStatisticsGen
from pipelines.batch_scoring.component import BatchScorer
from pipelines.config import PipelineConfig
from pipelines.engines import for_tfx
from pipelines.per_run import PerRun
from pipelines.places import Places

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
    fingerprint = fingerprint if per_run.fingerprint is None else per_run.fingerprint
    data = to_json(config.data)
    split = resolve_kind(config.split, facts)

    movies = MoviesExampleGen(config=data, fingerprint=fingerprint, **per_run.ingestion).with_id("MoviesExampleGen")
    ratings = RatingsExampleGen(
        movies=movies.outputs["examples"],
        config=data,
        split=to_json(config.split),
        fingerprint=fingerprint,
        **per_run.ingestion,
    ).with_id("RatingsExampleGen")
    catalogue, interactions = movies.outputs["examples"], ratings.outputs["examples"]
    sequences = ratings.outputs["sequences"]

    checks = [
        *_checks("Movies", "movies", catalogue, config),
        *_checks("Ratings", "interactions", interactions, config),
    ]
    by_id = {check.id: check for check in checks}
    gate = DataGate(
        movies_anomalies=by_id["MoviesValidator"].outputs["anomalies"],
        ratings_anomalies=by_id["RatingsValidator"].outputs["anomalies"],
        examples=interactions,
        sequences=sequences,
        data=data,
        split=to_json(config.split),
        audit_users=config.audit.users,
        **per_run.ingestion,
    ).with_id("DataGate")

    transform = create_transform(
        interactions,
        by_id["RatingsSchema"].outputs["schema"],
        to_json(config.transform),
        refit=config.split.refit,
    ).with_id("Transform")
    transform.add_upstream_node(gate)  # nothing is computed on data that did not pass

    def trainer(run_fn: str, settings: Any, overrides: Mapping[str, Any]) -> RecommenderTrainer:
        return RecommenderTrainer(
            examples=interactions,
            movies=catalogue,
            sequences=sequences,
            transform_graph=transform.outputs["transform_graph"],
            run_fn=run_fn,
            config=to_json(settings),
            strategy=config.training.strategy,
            **overrides,
        )

    retrieval = trainer("components.retrieval.training.run_fn", config.retrieval, per_run.retrieval).with_id(
        "RetrievalTrainer"
    )
    ranking = trainer("components.ranking.training.run_fn", config.ranking, per_run.ranking).with_id("RankingTrainer")

    indexer = CandidateIndexer(
        model=retrieval.outputs["model"], movies=catalogue, sequences=sequences, config=to_json(config.index)
    ).with_id("CandidateIndexer")
    embedding_map = EmbeddingMap(
        model=retrieval.outputs["model"], movies=catalogue, sequences=sequences, config=to_json(config.embeddings)
    ).with_id("EmbeddingMap")
    bundler = RecommenderBundler(
        retrieval=retrieval.outputs["model"],
        index=indexer.outputs["index"],
        ranking=ranking.outputs["model"] if facts.has_ratings else None,
        examples=interactions,
        movies=catalogue,
        sequences=sequences,
        config=to_json(config.bundle),
        before_test=knows_before_test(config, split),
        judged_k=config.evaluation.k,
    ).with_id("RecommenderBundler")

    peers = PeerLists(
        examples=interactions,
        movies=catalogue,
        sequences=sequences,
        config=to_json(config.peers),
        judged_k=config.evaluation.k,
    ).with_id("PeerLists")
    peers.add_upstream_node(gate)

    destination = places.pushed_model
    served = ServedModel(model=bundler.outputs["model"], push_directory=destination).with_id("ServedModel")
    evaluator = RecommenderEvaluator(
        examples=peers.outputs["judged_rows"],
        model=bundler.outputs["model"],
        baseline_model=served.outputs["model"],
        config=per_run.evaluation or to_json(config.evaluation),
        has_ratings=facts.has_ratings,
        has_new_users=config.split.new_users > 0,
    ).with_id("Evaluator")
    pusher = AtomicPusher(
        model=bundler.outputs["model"], model_blessing=evaluator.outputs["blessing"], push_directory=destination
    ).with_id("Pusher")
    report = RunReport(  # of every run: it asks for no blessing and waits for no push
        profile=ratings.outputs["profile"],
        gate=gate.outputs["gate"],
        retrieval_run=retrieval.outputs["model_run"],
        ranking_run=ranking.outputs["model_run"] if facts.has_ratings else None,
        index=indexer.outputs["index"],
        model=bundler.outputs["model"],
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
            movies,
            ratings,
            *checks,
            gate,
            transform,
            retrieval,
            *([ranking] if facts.has_ratings else []),
            indexer,
            embedding_map,
            bundler,
            peers,
            served,
            evaluator,
            pusher,
            report,
            *([scorer] if config.batch_scores.enabled else []),
        ],
        enable_cache=True,
        metadata_connection_config=places.metadata and metadata.sqlite_metadata_connection_config(places.metadata),
        beam_pipeline_args=list(beam_pipeline_args),
    )


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
    own_genres = config.data.source == "files"
    return to_text(
        curated_schema(kind, rating_min=config.data.rating_min, rating_max=config.data.rating_max, any_genre=own_genres)
    )
