"""A real Transform over tiny rows; indices, frequencies and years are derived by hand."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from components.examples import Catalogue, item_examples, serialized_example
from components.feature_specs import FeatureConfig, FeaturesConfig
from components.schema.component import CuratedSchema
from components.schema.curated import curated_schema, to_text
from components.transform.component import create_transform
from components.transform.graph import TransformGraph, by_name, column, raw_features
from tests.components.validation.mini_pipeline import examples, item, output, person, run, write_split

ODYSSEY = "2001: A Space Odyssey (1968)"
SUMMER = "(500) Days of Summer (2009)"
FORREST = "Forrest Gump (1994)"
UNICODE = "日本 ünï"  # an id with a space and non-ASCII letters

# Rows of each item: m b 4, "日本 ünï" 3, 2001 2, 7 once, and unseen none.
ITEMS = [
    {**item("unseen", "Days of Thunder (1990)", ["Horror", "Drama"], rows=0), "item_price": [1.0]},
    {**item("m b", FORREST, ["Drama", "War"], rows=4), "item_price": [2.0]},
    {**item(UNICODE, SUMMER, ["Drama"], rows=3), "item_price": [30.0]},
    {**item("2001", ODYSSEY, rows=2), "item_price": [40.0]},
    item("7", "Untitled", rows=1),
]
USERS = [
    {**person("ann", 5), "user_country": ["DE"], "user_taste": [0.5, 2.0]},
    {**person("bob", 3), "user_country": ["FR"]},
    person(" ünï user ", 2),
]

FEATURES = FeaturesConfig(
    item={
        "title": FeatureConfig(kind="text", min_rows=2, most=6),
        "price": FeatureConfig(kind="number", buckets=2),
    },
    user={"country": FeatureConfig(kind="category"), "taste": FeatureConfig(kind="vector")},
)
SPECS = tuple(dataclasses.replace(spec, dimensions=2) if spec.kind == "vector" else spec for spec in FEATURES.specs())

CATALOGUE = Catalogue(
    item_ids=np.array([UNICODE.encode(), b"unseen", b"m b", b"2001", b"only-eval"], object),
    titles=np.array([SUMMER.encode(), b"Days of Thunder (1990)", FORREST.encode(), ODYSSEY.encode(), b"Later"], object),
    genres=[[b"Drama"], [b"Horror", b"Drama"], [b"War", b"Drama"], [], []],
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transform")
    write_split(folder / "entities", "items", ITEMS)
    write_split(folder / "entities", "users", USERS)
    entities = examples("Entities", folder / "entities", ["items", "users"])
    schema = CuratedSchema(text=to_text(curated_schema("entities", SPECS))).with_id("Schema")
    transform = create_transform(entities.outputs["result"], schema.outputs["schema"], SPECS)
    run(folder / "run", [entities, schema, transform])
    path = output(folder / "run", "Transform", "transform_graph")
    return TransformGraph(str(path), SPECS), path


@pytest.fixture(scope="module")
def graph(built):
    return built[0]


def test_vocabularies_are_ordered_by_rows_and_hold_nothing_without_any(graph):
    # Drama 4 + 3, War 4; Horror is of an item without rows, which is unknown itself.
    assert graph.vocabulary("user_id") == [b"ann", b"bob", " ünï user ".encode()]
    assert graph.vocabulary("item_id") == [b"m b", UNICODE.encode(), b"2001", b"7"]
    assert graph.vocabulary("item_genres") == [b"Drama", b"War"]


def test_title_words_are_lower_case_without_the_year_and_frequent_enough(graph):
    # Weighted by rows: gump, forrest 4; days, of, summer, 500 3; a, space, odyssey, 2001 2, and
    # untitled 1: the first six of those with two rows or more.
    assert set(graph.vocabulary("item_title")[:2]) == {b"forrest", b"gump"}
    assert set(graph.vocabulary("item_title")[2:]) == {b"500", b"days", b"of", b"summer"}


def test_sizes_leave_out_the_unknown_index(graph):
    assert (graph.users, graph.items) == (3, 4)
    assert {spec.name: graph.size(spec) for spec in SPECS} == {
        "genres": 2, "year": 32, "title": 6, "price": 2, "country": 2, "taste": 2,
    }  # fmt: skip


def test_users_are_indexed_byte_for_byte_and_unknown_ones_share_the_last_index(graph):
    ids = np.array([b"bob", " ünï user ".encode(), "ünï user".encode(), b"ann", b"", b"BOB"], object)
    assert graph.index_users(ids).tolist() == [1, 2, 3, 0, 3, 3]
    assert graph.index_users(ids).dtype == np.int64


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_users(graph, count):
    assert graph.index_users(np.array([b"bob"] * count, object)).tolist() == [1] * count


def test_catalogue_indices_and_years(graph):
    items = graph.catalogue_features(CATALOGUE)
    assert items.index.tolist() == [1, 4, 0, 2, 4]
    eras = items.values["year"]  # five years from 1900 on: 1 + (year - 1900) // 5
    assert [eras[row].tolist() for row in range(5)] == [[22], [19], [19], [14], [0]]


def test_catalogue_genres_are_lists_in_order_with_an_index_for_unknown_ones(graph):
    genres = graph.catalogue_features(CATALOGUE).values["genres"]
    assert [genres[row].tolist() for row in range(len(genres))] == [[0], [2, 0], [1, 0], [], []]


def test_catalogue_title_words_leave_out_unknown_ones(graph):
    words = graph.catalogue_features(CATALOGUE).values["title"]
    vocabulary = graph.vocabulary("item_title")
    known = [[index for index in words[row] if index < len(vocabulary)] for row in range(len(words))]
    assert [[vocabulary[index] for index in one] for one in known] == [
        [b"500", b"days", b"of", b"summer"],
        [b"days", b"of"],
        [b"forrest", b"gump"],
        [],
        [],
    ]


def test_numbers_fall_into_buckets_and_a_missing_one_has_none(graph):
    rows = [
        serialized_example({"item_id": [b"x"], **({"item_price": [price]} if price else {})})
        for price in (1.5, 99.0, 0)
    ]
    catalogue = dataclasses.replace(CATALOGUE, examples=np.array(rows, object))
    prices = graph.catalogue_features(catalogue).values["price"]
    assert [prices[row].tolist() for row in range(3)] == [[0], [1], []]


def test_features_of_users_are_an_index_and_the_numbers_of_a_vector(graph):
    rows = [
        serialized_example({"user_country": [b"FR"], "user_taste": [0.25, 4.0]}),
        serialized_example({"user_country": [b"XX"]}),
    ]
    users = graph.user_features(np.array(rows, object))
    assert [users.values["country"][row].tolist() for row in range(2)] == [[1], [2]]  # DE has more rows; XX is unknown
    assert [users.values["taste"][row].tolist() for row in range(2)] == [[0.25, 4.0], []]


def test_a_catalogue_of_one(graph):
    one = Catalogue(item_ids=CATALOGUE.item_ids[:1], titles=CATALOGUE.titles[:1], genres=CATALOGUE.genres[:1])
    items = graph.catalogue_features(one)
    assert (items.index.tolist(), items.values["year"][0].tolist(), items.values["genres"][0].tolist()) == (
        [1],
        [22],
        [0],
    )


def test_a_column_keeps_empty_texts_and_any_batch(graph):
    one = column(tf.constant(["bob", "", "ann"]))
    assert one.dense_shape.numpy().tolist() == [3, 1]
    assert graph.layer({"user_id": one})["user_index"].values.numpy().tolist() == [1, 3, 0]
    nobody = graph.layer({"user_id": column(tf.zeros([0], tf.string))})["user_index"]
    assert nobody.values.shape == (0,)


@pytest.mark.parametrize("titles", [[SUMMER], [SUMMER, "Untitled", ODYSSEY]])
def test_layer_in_a_saved_model(graph, tmp_path, titles):
    module = _Items(graph.layer)
    tf.saved_model.save(module, str(tmp_path), signatures={"items": module.items})
    items = tf.saved_model.load(str(tmp_path)).signatures["items"]
    examples = item_examples(
        [UNICODE.encode()] * len(titles), [title.encode() for title in titles], [[b"War"]] * len(titles)
    )
    answer = items(examples=tf.constant(list(examples)))
    assert answer["item_index"].numpy().tolist() == [1] * len(titles)
    assert answer["year"].numpy().tolist() == [22, 0, 14][: len(titles)]
    assert answer["genres"].numpy().tolist() == [1] * len(titles)


def test_an_example_without_a_feature_has_none(graph):
    nobody = graph.user_features(np.array([b""], object))
    assert {name: len(values[0]) for name, values in nobody.values.items()} == {"country": 0, "taste": 0}


def test_tables_are_filled_when_the_graph_is_loaded_and_never_in_a_call(built):
    (file,) = built[1].rglob("transform_fn/saved_model.pb")
    functions = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs[0].graph_def.library.function
    filling = [function.signature.name for function in functions if _fills_a_table(function)]
    assert filling
    assert all("initializer" in name for name in filling)


def _fills_a_table(function):
    return any("InitializeTable" in node.op for node in function.node_def)


class _Items(tf.Module):
    def __init__(self, layer):
        super().__init__()
        self._layer = layer

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def items(self, examples):
        transformed = self._layer(raw_features(examples, SPECS, "item"))
        values = by_name(transformed, [spec for spec in SPECS if spec.name in ("year", "genres")])
        return {
            "item_index": transformed["item_index"].values,
            **{name: listed.flat_values for name, listed in values.items()},
        }
