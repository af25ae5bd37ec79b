"""A real Transform over tiny rows; indices, frequencies and years are derived by hand."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from components.examples import Catalogue
from components.schema.component import CuratedSchema
from components.schema.curated import curated_schema, to_text
from components.settings import to_json
from components.transform.component import create_transform
from components.transform.config import TransformConfig
from components.transform.graph import TransformGraph, column, sparse_genres
from tests.components.validation.mini_pipeline import examples, item, output, person, run, write_split

ODYSSEY = "2001: A Space Odyssey (1968)"
SUMMER = "(500) Days of Summer (2009)"
FORREST = "Forrest Gump (1994)"
UNICODE = "日本 ünï"  # an id with a space and non-ASCII letters

# Rows of each movie: m b 4, "日本 ünï" 3, 2001 2, 7 once, and unseen none.
ITEMS = [
    item("unseen", "Days of Thunder (1990)", ["Horror", "Drama"], rows=0),
    item("m b", FORREST, ["Drama", "War"], rows=4),
    item(UNICODE, SUMMER, ["Drama"], rows=3),
    item("2001", ODYSSEY, rows=2),
    item("7", "Untitled", rows=1),
]
USERS = [person("ann", 5), person("bob", 3), person(" ünï user ", 2)]

CATALOGUE = Catalogue(
    movie_ids=np.array([UNICODE.encode(), b"unseen", b"m b", b"2001", b"only-eval"], object),
    titles=np.array([SUMMER.encode(), b"Days of Thunder (1990)", FORREST.encode(), ODYSSEY.encode(), b"Later"], object),
    genres=[[b"Drama"], [b"Horror", b"Drama"], [b"War", b"Drama"], [], []],
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transform")
    write_split(folder / "entities", "items", ITEMS)
    write_split(folder / "entities", "users", USERS)
    entities = examples("Entities", folder / "entities", ["items", "users"])
    schema = CuratedSchema(text=to_text(curated_schema("entities"))).with_id("Schema")
    config = to_json(TransformConfig(title_words=6, title_word_min_rows=2))
    transform = create_transform(entities.outputs["result"], schema.outputs["schema"], config)
    run(folder / "run", [entities, schema, transform])
    path = output(folder / "run", "Transform", "transform_graph")
    return TransformGraph(str(path)), path


@pytest.fixture(scope="module")
def graph(built):
    return built[0]


def test_vocabularies_are_ordered_by_rows_and_hold_nothing_without_any(graph):
    # Drama 4 + 3, War 4; Horror is of a movie without rows, which is unknown itself.
    assert graph.vocabulary("user_id") == [b"ann", b"bob", " ünï user ".encode()]
    assert graph.vocabulary("movie_id") == [b"m b", UNICODE.encode(), b"2001", b"7"]
    assert graph.vocabulary("movie_genre") == [b"Drama", b"War"]


def test_title_words_are_lower_case_without_the_year_and_frequent_enough(graph):
    # Weighted by rows: gump, forrest 4; days, of, summer, 500 3; a, space, odyssey, 2001 2, and
    # untitled 1: the first six of those with two rows or more.
    assert set(graph.vocabulary("movie_title_word")[:2]) == {b"forrest", b"gump"}
    assert set(graph.vocabulary("movie_title_word")[2:]) == {b"500", b"days", b"of", b"summer"}


def test_sizes_leave_out_the_unknown_index(graph):
    sizes = graph.vocabulary_sizes
    assert (sizes.users, sizes.movies, sizes.genres, sizes.title_words) == (3, 4, 2, 6)


def test_users_are_indexed_byte_for_byte_and_unknown_ones_share_the_last_index(graph):
    ids = np.array([b"bob", " ünï user ".encode(), "ünï user".encode(), b"ann", b"", b"BOB"], object)
    assert graph.index_users(ids).tolist() == [1, 2, 3, 0, 3, 3]
    assert graph.index_users(ids).dtype == np.int64


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_users(graph, count):
    assert graph.index_users(np.array([b"bob"] * count, object)).tolist() == [1] * count


def test_catalogue_indices_and_years(graph):
    movies = graph.catalogue_features(CATALOGUE)
    assert movies.movie_index.tolist() == [1, 4, 0, 2, 4]
    assert movies.year.tolist() == [2009, 1990, 1994, 1968, 0]


def test_catalogue_genres_are_lists_in_order_with_an_index_for_unknown_ones(graph):
    genres = graph.catalogue_features(CATALOGUE).genre_indices
    assert [genres[row].tolist() for row in range(len(genres))] == [[0], [2, 0], [1, 0], [], []]


def test_catalogue_title_words_leave_out_unknown_ones(graph):
    words = graph.catalogue_features(CATALOGUE).title_word_indices
    vocabulary = graph.vocabulary("movie_title_word")
    assert [[vocabulary[index] for index in words[row]] for row in range(len(words))] == [
        [b"500", b"days", b"of", b"summer"],
        [b"days", b"of"],
        [b"forrest", b"gump"],
        [],
        [],
    ]


def test_a_catalogue_of_one(graph):
    one = Catalogue(movie_ids=CATALOGUE.movie_ids[:1], titles=CATALOGUE.titles[:1], genres=CATALOGUE.genres[:1])
    movies = graph.catalogue_features(one)
    assert (movies.movie_index.tolist(), movies.year.tolist(), movies.genre_indices[0].tolist()) == ([1], [2009], [0])


def test_a_column_keeps_empty_texts_and_any_batch(graph):
    one = column(tf.constant(["bob", "", "ann"]))
    assert one.dense_shape.numpy().tolist() == [3, 1]
    assert graph.layer({"user_id": one})["user_index"].values.numpy().tolist() == [1, 3, 0]
    nobody = graph.layer({"user_id": column(tf.zeros([0], tf.string))})["user_index"]
    assert nobody.values.shape == (0,)


@pytest.mark.parametrize("titles", [[SUMMER], [SUMMER, "Untitled", ODYSSEY]])
def test_layer_in_a_saved_model(graph, tmp_path, titles):
    module = _Movies(graph.layer)
    tf.saved_model.save(module, str(tmp_path), signatures={"movies": module.movies})
    movies = tf.saved_model.load(str(tmp_path)).signatures["movies"]
    answer = movies(
        movie_id=tf.constant([UNICODE] * len(titles)),
        movie_title=tf.constant(titles),
        movie_genres=tf.constant([["", "War", ""]] * len(titles)),
    )
    assert answer["movie_index"].numpy().tolist() == [1] * len(titles)
    assert answer["movie_year"].numpy().tolist() == [2009, 0, 1968][: len(titles)]
    assert answer["movie_genre"].numpy().tolist() == [[1]] * len(titles)


def test_genres_without_a_column_are_no_genres(graph):
    answer = graph.layer({"movie_genres": sparse_genres(tf.zeros([2, 0], tf.string))})["movie_genre_indices"]
    assert tf.sparse.to_dense(answer).shape == (2, 0)


def test_tables_are_filled_when_the_graph_is_loaded_and_never_in_a_call(built):
    (file,) = built[1].rglob("transform_fn/saved_model.pb")
    functions = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs[0].graph_def.library.function
    filling = [function.signature.name for function in functions if _fills_a_table(function)]
    assert filling
    assert all("initializer" in name for name in filling)


def _fills_a_table(function):
    return any("InitializeTable" in node.op for node in function.node_def)


class _Movies(tf.Module):
    def __init__(self, layer):
        super().__init__()
        self._layer = layer

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "movie_id"),
            tf.TensorSpec([None], tf.string, "movie_title"),
            tf.TensorSpec([None, None], tf.string, "movie_genres"),
        ]
    )
    def movies(self, movie_id, movie_title, movie_genres):
        raw = {
            "movie_id": column(movie_id),
            "movie_title": column(movie_title),
            "movie_genres": sparse_genres(movie_genres),
        }
        transformed = self._layer(raw)
        return {
            "movie_index": transformed["movie_index"].values,
            "movie_year": transformed["movie_year"].values,
            "movie_genre": tf.sparse.to_dense(transformed["movie_genre_indices"]),
        }
