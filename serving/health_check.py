"""Asks a model server whether it is ready: what a container's HEALTHCHECK runs.

    python -m serving.health_check [ADDRESS]      default: 127.0.0.1:8500

Exit codes: 0 serving, 1 not serving or not there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ADDRESS = "127.0.0.1:8500"
SECONDS = 4.0


def is_serving(address: str, seconds: float = SECONDS) -> bool:
    """Whether gRPC's health service there says SERVING, which it does once every model is loaded."""
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def main(arguments: Sequence[str]) -> int:
    """Exit code."""
    return 0 if is_serving(arguments[0] if arguments else ADDRESS) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
