"""TensorFlow Serving's two gRPC services, described for gRPC's reflection.

The package tensorflow-serving-api has them in prediction_service_pb2 and model_service_pb2, which do not import under
protobuf 4 and later (`has_options … is not writable`, up to its version 2.20); its messages do. So the services are
described here, in a pool of their own: should something else bring the originals, they do not meet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"

_METHODS: dict[str, dict[str, tuple[Any, Any]]] = {
    PREDICTION_SERVICE: {
        "Classify": (classification_pb2.ClassificationRequest, classification_pb2.ClassificationResponse),
        "Regress": (regression_pb2.RegressionRequest, regression_pb2.RegressionResponse),
        "Predict": (predict_pb2.PredictRequest, predict_pb2.PredictResponse),
        "MultiInference": (inference_pb2.MultiInferenceRequest, inference_pb2.MultiInferenceResponse),
        "GetModelMetadata": (
            get_model_metadata_pb2.GetModelMetadataRequest,
            get_model_metadata_pb2.GetModelMetadataResponse,
        ),
    },
    MODEL_SERVICE: {
        "GetModelStatus": (get_model_status_pb2.GetModelStatusRequest, get_model_status_pb2.GetModelStatusResponse),
        "HandleReloadConfigRequest": (
            model_management_pb2.ReloadConfigRequest,
            model_management_pb2.ReloadConfigResponse,
        ),
    },
}


def described(others: Iterable[Any]) -> Any:
    """A pool that knows the two services and every message of theirs.

    Args:
      others: Descriptors of files that shall be in it, too.
    """
    pool = descriptor_pool.DescriptorPool()
    seen: set[str] = set()
    for file in others:
        _add(pool, file, seen)
    for service, methods in _METHODS.items():
        messages = [message.DESCRIPTOR for pair in methods.values() for message in pair]
        files = {message.file.name: message.file for message in messages}
        for file in files.values():
            _add(pool, file, seen)
        package, _, name = service.rpartition(".")
        proto = descriptor_pb2.FileDescriptorProto(
            name=f"recommender/{name}.proto", package=package, syntax="proto3", dependency=sorted(files)
        )
        declared = proto.service.add(name=name)
        for method, (request, response) in methods.items():
            declared.method.add(
                name=method,
                input_type=f".{request.DESCRIPTOR.full_name}",
                output_type=f".{response.DESCRIPTOR.full_name}",
            )
        pool.Add(proto)
    return pool


def _add(pool: Any, file: Any, seen: set[str]) -> None:
    """Copies a file into the pool, what it imports first."""
    if file.name in seen:
        return
    seen.add(file.name)
    for dependency in file.dependencies:
        _add(pool, dependency, seen)
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    pool.Add(proto)
