"""Our loader against TensorFlow's own: variables, tables, assets, tags, and files that are no SavedModel."""

import numpy as np
import pytest
import tensorflow as tf

from serving.calls.from_thread import compute
from serving.errors import InvalidRequestError, StatusError
from serving.metrics import Metrics
from serving.models.loading import load
from serving.models.servable import Servable, SessionConfig


class Library(tf.Module):
    """A variable, a table from a file, a table from values, and a function that calls others."""

    def __init__(self, vocabulary):
        super().__init__()
        self.factor = tf.Variable([2.0, 3.0])
        self.from_file = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                str(vocabulary),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            num_oov_buckets=1,
        )
        self.from_values = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(["a", "b"]), tf.constant([10.0, 20.0])), -1.0
        )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def look_up(self, text):
        line = tf.cast(self.from_file.lookup(text), tf.float32)
        return {"line": line, "value": tf.map_fn(self.scaled, self.from_values.lookup(text))}

    @tf.function
    def scaled(self, value):
        return tf.cond(value > 0, lambda: value * self.factor[0], lambda: value * self.factor[1])


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    (folder / "words.txt").write_text("a\nc\n")
    module = Library(folder / "words.txt")
    tf.saved_model.save(module, str(folder / "1"), signatures={"serving_default": module.look_up})
    (folder / "words.txt").unlink()  # the SavedModel has its own
    return folder / "1"


def servable(folder, **options):
    return Servable("library", 1, folder, SessionConfig(**options), Metrics())


def test_variables_tables_and_assets_are_there(library):
    loaded = servable(library)
    signature = loaded.signature("")
    target = loaded.target(signature, ("line", "value"))
    line, value = compute(loaded, target, [np.array([b"a", b"b", b"c"], object)])
    assert line.tolist() == [0.0, 2.0, 1.0]  # b is in no line: the bucket behind the last one
    assert value.tolist() == [20.0, 40.0, -3.0]
    loaded.close()


def test_its_parts_are_small_and_hold_everything(library, monkeypatch):
    monkeypatch.setattr("serving.models.loading._PART_BYTES", 1)  # every function by itself
    loaded = servable(library)
    target = loaded.target(loaded.signature(""), ("value",))
    assert compute(loaded, target, [np.array([b"b"], object)])[0].tolist() == [40.0]
    loaded.close()


def test_a_model_without_variables_is_loaded(tmp_path):
    module = tf.Module()
    module.same = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"serving_default": module.same})
    loaded = servable(tmp_path / "1")
    target = loaded.target(loaded.signature(""), ("y",))
    assert compute(loaded, target, [np.array([5.0], np.float32)])[0].tolist() == [5.0]
    loaded.close()


def test_a_model_in_text_is_loaded(library, tmp_path):
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel.FromString((library / "saved_model.pb").read_bytes())
    for part in ("variables", "assets"):
        (tmp_path / part).symlink_to(library / part)
    (tmp_path / "saved_model.pbtxt").write_text(text_format.MessageToString(document))
    loaded = servable(tmp_path)
    assert list(loaded.signatures) == ["serving_default"]
    loaded.close()


def test_signatures_are_those_that_tensorflow_reads(library):
    graph = tf.Graph()
    with tf.compat.v1.Session(graph=graph) as session:
        expected = tf.compat.v1.saved_model.load(session, ["serve"], str(library))
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        assert load(session, ["serve"], library).signature_def == expected.signature_def


def test_a_graph_with_other_tags_is_not_there(library):
    with pytest.raises(
        InvalidRequestError, match=r"has no graph with the tags gpu, serve. Expected: one of \[\['serve'\]\]"
    ):
        servable(library, tags=("serve", "gpu"))


@pytest.mark.parametrize("damage", ["nonsense", "short", "empty"])
def test_a_damaged_graph_is_refused(library, tmp_path, damage):
    whole = (library / "saved_model.pb").read_bytes()
    content = {"nonsense": b"not a graph", "short": whole[: len(whole) // 2], "empty": b""}[damage]
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(StatusError):
        servable(tmp_path)
