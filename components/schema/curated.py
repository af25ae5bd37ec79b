"""The schemas that the data is held to: written by hand, so that they say what is right and not what was seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components import features
from components.errors import InputError
from components.feature_specs import CATEGORIES, CATEGORY, CONTEXT, ITEM, TEXT, USER, VECTOR, FeatureSpec, of

ENTITIES, SEQUENCES = KINDS = ("entities", "sequences")

GENRE_DOMAIN = "genre"

UNWATCHED = (
    features.ITEM_ID,
    features.USER_ID,
    features.ITEM_TITLE,
    features.SEQUENCE_TIMESTAMPS,
    features.SEQUENCE_PARTS,
)
"""Never compared with earlier data: each value occurs once, time goes on, and parts follow from the split."""


def schema_file(kind: str) -> str:
    """Path of the packaged schema, with MovieLens' genres.

    Args:
      kind: `entities` or `sequences`.
    """
    if kind not in KINDS:
        raise InputError(f"there is no schema `{kind}`", expected="one of " + ", ".join(KINDS), received=kind)
    return str(Path(__file__).parent / f"{kind}.pbtxt")


def curated_schema(
    kind: str,
    specs: Iterable[FeatureSpec] = (),
    *,
    rating_min: float | None = None,
    rating_max: float | None = None,
    genres: Iterable[str] | None = None,
    any_genre: bool = False,
    drift_above: float | None = None,
) -> schema_pb2.Schema:
    """The packaged schema, adapted to data that is not MovieLens.

    Args:
      kind: `entities` or `sequences`.
      specs: The features.
      rating_min: Smallest rating; None: any. Of no effect on `entities`.
      rating_max: Largest rating; None: any. Of no effect on `entities`.
      genres: All genres that are right; None: MovieLens'. Of no effect on `sequences`.
      any_genre: Whether every genre is right (`genres` is then of no effect).
      drift_above: Distance from earlier data above which a feature has drifted (validation/drift.py); None: any is
        right.
    """
    specs = tuple(specs)
    schema = text_format.Parse(Path(schema_file(kind)).read_text(encoding="utf-8"), schema_pb2.Schema())
    if kind == SEQUENCES:
        _adapt_sequences(schema, specs, rating_min, rating_max)
    else:
        _adapt_entities(schema, specs, genres, any_genre)
    if drift_above is not None:
        _watch(schema, {*UNWATCHED, *(spec.raw for spec in specs if spec.kind == TEXT)}, drift_above)
    return schema


def _adapt_sequences(
    schema: schema_pb2.Schema, specs: Sequence[FeatureSpec], rating_min: float | None, rating_max: float | None
) -> None:
    domain = _feature(schema, features.SEQUENCE_RATINGS).float_domain
    if rating_min is not None:
        domain.min = rating_min
    if rating_max is not None:
        domain.max = rating_max
    for spec in of(specs, CONTEXT):
        if spec.kind == CATEGORY:
            schema.feature.add(name=features.sequence_of(spec.raw), type=schema_pb2.BYTES)


def _adapt_entities(
    schema: schema_pb2.Schema, specs: Sequence[FeatureSpec], genres: Iterable[str] | None, any_genre: bool
) -> None:
    for spec in (*of(specs, ITEM), *of(specs, USER)):
        if not spec.is_standard_column:
            _add(schema, spec)
    if any_genre:
        _feature(schema, features.ITEM_GENRES).ClearField("domain")
        del schema.string_domain[_genre_domain(schema)]
    elif genres is not None:
        schema.string_domain[_genre_domain(schema)].value[:] = sorted(set(genres))


def _watch(schema: schema_pb2.Schema, unwatched: Collection[str], drift_above: float) -> None:
    for feature in schema.feature:
        if feature.name in unwatched:
            continue
        if feature.type == schema_pb2.BYTES:
            feature.drift_comparator.infinity_norm.threshold = drift_above
        else:
            feature.drift_comparator.jensen_shannon_divergence.threshold = drift_above


def _add(schema: schema_pb2.Schema, spec: FeatureSpec) -> None:
    feature = schema.feature.add(name=spec.raw, type=schema_pb2.FLOAT if spec.is_float else schema_pb2.BYTES)
    if spec.is_float:
        feature.float_domain.CopyFrom(schema_pb2.FloatDomain(disallow_nan=True, disallow_inf=True))
    if spec.kind not in (CATEGORIES, VECTOR):
        feature.value_count.CopyFrom(schema_pb2.ValueCount(min=0, max=1))


def to_text(schema: schema_pb2.Schema) -> str:
    """The schema as text, for CuratedSchema: the same text for the same schema."""
    return str(text_format.MessageToString(schema, as_utf8=True))


def _feature(schema: schema_pb2.Schema, name: str) -> schema_pb2.Feature:
    return next(feature for feature in schema.feature if feature.name == name)


def _genre_domain(schema: schema_pb2.Schema) -> int:
    return [domain.name for domain in schema.string_domain].index(GENRE_DOMAIN)
