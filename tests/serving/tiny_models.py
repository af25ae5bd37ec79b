"""SavedModels of a few lines, for what a recommender's bundle cannot show."""

from __future__ import annotations

import shutil
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"


class Odd(tf.Module):
    """Signatures with outputs and inputs of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def double(self, x):
        return {"y": x * self.factor}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def checked(self, x):
        """Raises for the whole call where one row is negative."""
        with tf.control_dependencies([tf.debugging.assert_non_negative(x, "x must not be negative")]):
            return {"y": tf.sqrt(x)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def total(self, x):
        """Not row by row."""
        return {"y": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classify(self, inputs):
        parsed = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})
        scores = tf.stack([parsed["x"], 1.0 - parsed["x"]], axis=1)
        return {"scores": scores, "classes": tf.tile([["yes", "no"]], [tf.size(inputs), 1])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def regress(self, inputs):
        parsed = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})
        return {"outputs": parsed["x"] * self.factor}


def save_odd(folder: Path) -> Path:
    """Writes the SavedModel into the folder."""
    module = Odd()
    names = ("checked", "total", "classify", "regress")
    tf.saved_model.save(
        module,
        str(folder),
        signatures={"serving_default": module.double} | {name: getattr(module, name) for name in names},
    )
    return folder


def publish(model: Path, base: Path, version: int) -> Path:
    """Copies a model into its place as a version, whole or not at all."""
    incoming = base / f".incoming-{version}"
    shutil.copytree(model, incoming)
    return incoming.rename(base / str(version))


def write_warm_up(folder: Path, *values: float, signature: str = "") -> None:
    """Writes warm-up requests for an input `x`, one a value."""
    path = folder / WARM_UP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for value in values:
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature
            request.inputs["x"].CopyFrom(tf.make_tensor_proto([value], tf.float32))
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())
