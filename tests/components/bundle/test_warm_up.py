"""The warm-up requests of a bundle, read as TF Serving reads them and sent to the bundle itself."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.components.bundle.small_bundle import build_bundle

USERS = {"Ann": [0, 1], "Bo": [2]}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return build_bundle(
        tmp_path_factory.mktemp("bundle"),
        item_ids=["a", "b", "c", "d", "e"],
        genres=[["Drama"], ["Comedy"], [], [], []],
        vectors=np.eye(5),
        biases=np.zeros(5),
        users=USERS,
        test_rows={},
    )


@pytest.fixture(scope="module")
def requests(bundle):
    file = str(bundle.path / "assets.extra" / "tf_serving_warmup_requests")
    logs = [prediction_log_pb2.PredictionLog.FromString(r.numpy()) for r in tf.data.TFRecordDataset(file)]
    assert {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    return [log.predict_log.request for log in logs]


def test_every_request_is_one_that_the_bundle_answers(bundle, requests):
    assert 0 < len(requests) <= 1000  # more than that, and TF Serving does not load the model
    for request in requests:
        inputs = {name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()}
        answer = bundle.signatures[request.model_spec.signature_name](**inputs)
        assert len({value.shape[0] for value in answer.values()} | {value.shape[0] for value in inputs.values()}) == 1


def test_every_served_signature_is_asked_for_one_row_and_for_a_batch_by_known_users_and_a_stranger(bundle, requests):
    asked = {}
    for request in requests:
        rows = [tensor.tensor_shape.dim[0].size for tensor in request.inputs.values()]
        asked.setdefault(request.model_spec.signature_name, set()).update(rows)
        if "user_id" in request.inputs and rows[0] > 1:
            assert set(tf.make_ndarray(request.inputs["user_id"])) == {b"Ann", b"Bo", b""}
    assert set(asked) == set(bundle.signatures) - {"evaluate"}
    for sizes in asked.values():
        assert min(sizes) == 1 and max(sizes) >= 16
    full = [request.inputs for request in requests if request.model_spec.signature_name == "recommend"]
    for name in ("history_item_ids", "filters", "exclude_item_ids", "allow_item_ids"):
        widths = {inputs[name].tensor_shape.dim[1].size for inputs in full}
        assert 0 in widths and max(widths) > 0  # every way through the graph
