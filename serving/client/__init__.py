"""Asks a server of recommendations over REST or gRPC; needs httpx, and for gRPC the `serving` extra.

    from serving.client import RecommenderClient

    with RecommenderClient("http://127.0.0.1:8501") as client:
        client.recommend(["42"], n=5, filters=["genres=Comedy"])

Errors are those of serving/errors.py.
"""

from serving.client.answers import (
    AVAILABLE,
    ModelMetadata,
    ModelToServe,
    SignatureInfo,
    TensorInfo,
    VersionStatus,
)
from serving.client.client import RecommenderClient
from serving.client.settings import NO_RETRIES, Retries, Timeouts, Tls
from serving.questions import Candidate

__all__ = [
    "AVAILABLE",
    "NO_RETRIES",
    "Candidate",
    "ModelMetadata",
    "ModelToServe",
    "RecommenderClient",
    "Retries",
    "SignatureInfo",
    "TensorInfo",
    "Timeouts",
    "Tls",
    "VersionStatus",
]
