from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.errors import InputError
from components.schema import curated

IN_EVERY_ROW = {
    "entities": {"rows"},  # an item has no user_id, a user no item_id
    "sequences": {"user_id", "sequence_item_ids", "sequence_ratings", "sequence_timestamps", "sequence_parts"},
}
NOT_IN_EVERY_ROW = {
    "entities": {"item_id", "user_id", "item_title", "item_genres"},
    "sequences": {"sequence_weights"},
}
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


@pytest.mark.parametrize("kind", curated.KINDS)
def test_what_every_row_has_is_required_and_everything_else_is_optional(kind):
    found = _features(curated.curated_schema(kind))
    assert {name for name, feature in found.items() if feature.presence.min_fraction == 1.0} == IN_EVERY_ROW[kind]
    assert set(found) - IN_EVERY_ROW[kind] == NOT_IN_EVERY_ROW[kind]


def test_ids_are_text_even_where_they_look_like_numbers():
    for kind in curated.KINDS:
        ids = [feature for feature in curated.curated_schema(kind).feature if feature.name in ("user_id", "item_id")]
        assert ids
        assert all(feature.type == schema_pb2.BYTES and not feature.HasField("int_domain") for feature in ids)


def test_the_packaged_file_knows_the_genres_of_movielens():
    assert _domain(curated.curated_schema("entities"), "genre") == MOVIELENS_GENRES


def test_ratings_are_numbers_and_have_no_range_unless_one_is_given():
    domain = _features(curated.curated_schema("sequences"))["sequence_ratings"].float_domain
    assert (domain.disallow_nan, domain.disallow_inf) == (True, True)
    assert not domain.HasField("min") and not domain.HasField("max")


def test_rating_range_and_genres_follow_the_data():
    schema = curated.curated_schema("sequences", rating_min=1, rating_max=10, genres=["Jazz"])
    domain = _features(schema)["sequence_ratings"].float_domain
    assert (domain.min, domain.max) == (1, 10)
    schema = curated.curated_schema("entities", rating_min=1, rating_max=10, genres=["Jazz", "Blues", "Jazz"])
    assert _domain(schema, "genre") == ["Blues", "Jazz"]


def test_a_range_may_be_open_at_one_end():
    domain = _features(curated.curated_schema("sequences", rating_min=0))["sequence_ratings"].float_domain
    assert (domain.HasField("min"), domain.min, domain.HasField("max")) == (True, 0, False)


def test_any_genre_drops_the_domain_and_its_use():
    schema = curated.curated_schema("entities", any_genre=True)
    assert "genre" not in [domain.name for domain in schema.string_domain]
    assert not _features(schema)["item_genres"].domain


def test_the_component_writes_the_text_that_the_stages_after_it_read(tmp_path: Path):
    from tfx.types import standard_artifacts

    from components.schema.component import CuratedSchema

    schema = curated.curated_schema("entities", genres=["Comédie"])
    artifact = standard_artifacts.Schema()
    artifact.uri = str(tmp_path / "new")
    CuratedSchema.test_call(text=curated.to_text(schema), schema=artifact)
    written = (tmp_path / "new" / "schema.pbtxt").read_text(encoding="utf-8")
    assert text_format.Parse(written, schema_pb2.Schema()) == schema
    assert curated.to_text(schema) != curated.to_text(curated.curated_schema("entities"))


def test_unknown_kind_says_which_there_are():
    with pytest.raises(InputError, match="entities, sequences"):
        curated.schema_file("items")
