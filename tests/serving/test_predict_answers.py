"""The response that is written by hand, read back by protobuf."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from serving.models.signatures import TensorSpec
from serving.rpc.answers import PredictAnswer

ARRAYS = {
    "strings": np.array([[b"a", b""], ["\u00e9".encode(), b"x" * 600]], object),
    "long": np.array([b"y" * 20_000], object),
    "empty_strings": np.empty((2, 0), object),
    "scalar": np.array(b"s", object),
    "floats": np.array([[1.5, np.nan, -np.inf]], np.float32),
    "no_floats": np.empty((0, 3), np.float32),
    "doubles": np.array(0.1),
    "counts": np.array([0, 20, 127], np.int32),
    "large": np.array([128, 1 << 30], np.int32),
    "negative": np.array([-1], np.int32),
    "longs": np.array([[1 << 40]], np.int64),
    "truths": np.array([True, False]),
    "bytes": np.arange(3, dtype=np.uint8),
    "half": np.array([1.5], np.float16),
}


def spec(alias, array):
    kind = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
    return TensorSpec(alias, f"{alias}:0", kind.as_datatype_enum, None)


@pytest.mark.parametrize("alias", ARRAYS)
def test_every_kind_of_output_reads_back(alias):
    array = ARRAYS[alias]
    answer = PredictAnswer("model", 3, "signature", [spec(alias, array)])
    written = answer.write([array])
    response = predict_pb2.PredictResponse.FromString(written)
    proto = response.outputs[alias]
    assert not proto.tensor_content
    np.testing.assert_array_equal(tf.make_ndarray(proto), array)
    assert tf.make_ndarray(proto).shape == array.shape
    assert answer.write([array]) == written


def test_outputs_and_model_spec_come_together():
    arrays = [ARRAYS["floats"], ARRAYS["strings"], ARRAYS["counts"]]
    specs = [spec(name, array) for name, array in zip("abc", arrays, strict=True)]
    response = predict_pb2.PredictResponse.FromString(PredictAnswer("model", 3, "signature", specs).write(arrays))
    assert set(response.outputs) == {"a", "b", "c"}
    assert response.model_spec.name == "model"
    assert response.model_spec.version.value == 3
    assert response.model_spec.signature_name == "signature"
    assert list(response.outputs["c"].int_val) == [0, 20, 127]
