from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components import features
from components.errors import InputError
from components.schema import curated

ALWAYS_THERE = {"user_id", "movie_id", "rating", "timestamp", "movie_title", "user_activity", "movie_popularity"}
MOVIELENS_GENRES = [
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "IMAX",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "Unknown",
    "War",
    "Western",
]


def _features(schema):
    return {feature.name: feature for feature in schema.feature}


def _domain(schema, name):
    return next(list(domain.value) for domain in schema.string_domain if domain.name == name)


def test_scalars_are_dense_and_in_every_row_and_everything_else_is_optional():
    found = _features(curated.curated_schema("interactions"))
    assert {name for name, feature in found.items() if feature.HasField("shape")} == ALWAYS_THERE
    assert {name for name, feature in found.items() if feature.presence.min_fraction == 1.0} == ALWAYS_THERE
    assert set(found) - ALWAYS_THERE == {
        "movie_genres",
        "history_movie_ids",
        "history_ratings",
        "held_out_movie_ids",
        "seen_movie_ids",
        "request_history",
    }


def test_ids_are_text_even_where_they_look_like_numbers():
    for kind in curated.KINDS:
        ids = [feature for feature in curated.curated_schema(kind).feature if feature.name in ("user_id", "movie_id")]
        assert ids
        assert all(feature.type == schema_pb2.BYTES and not feature.HasField("int_domain") for feature in ids)


def test_buckets_are_those_of_the_features():
    schema = curated.curated_schema("interactions")
    assert _domain(schema, "user_activity") == [name for name, _ in features.USER_ACTIVITY_BUCKETS]
    assert _domain(schema, "movie_popularity") == [name for name, _ in features.MOVIE_POPULARITY_BUCKETS]


@pytest.mark.parametrize("kind", curated.KINDS)
def test_packaged_files_know_the_genres_of_movielens(kind):
    assert _domain(curated.curated_schema(kind), "genre") == MOVIELENS_GENRES


def test_packaged_rating_range():
    domain = _features(curated.curated_schema("interactions"))["rating"].float_domain
    assert (domain.min, domain.max, domain.disallow_nan) == (0.5, 5.0, True)


def test_rating_range_and_genres_follow_the_data():
    schema = curated.curated_schema("interactions", rating_min=1, rating_max=10, genres=["Jazz", "Blues", "Jazz"])
    domain = _features(schema)["rating"].float_domain
    assert (domain.min, domain.max) == (1, 10)
    assert _domain(schema, "genre") == ["Blues", "Jazz"]


@pytest.mark.parametrize("kind", curated.KINDS)
def test_any_genre_drops_the_domain_and_its_use(kind):
    schema = curated.curated_schema(kind, any_genre=True)
    assert "genre" not in [domain.name for domain in schema.string_domain]
    assert not _features(schema)["movie_genres"].domain


def test_the_component_writes_the_text_that_the_stages_after_it_read(tmp_path: Path):
    from tfx.types import standard_artifacts

    from components.schema.executor import Executor

    schema = curated.curated_schema("movies", genres=["Comédie"])
    artifact = standard_artifacts.Schema()
    artifact.uri = str(tmp_path / "new")
    Executor().Do({}, {"schema": [artifact]}, {"text": curated.to_text(schema)})
    written = (tmp_path / "new" / "schema.pbtxt").read_text(encoding="utf-8")
    assert text_format.Parse(written, schema_pb2.Schema()) == schema
    assert curated.to_text(schema) != curated.to_text(curated.curated_schema("movies"))


def test_unknown_kind_says_which_there_are():
    with pytest.raises(InputError, match="interactions, movies"):
        curated.schema_file("users")
