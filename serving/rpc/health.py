"""gRPC's health service.

grpcio-health-checking's own asynchronous servicer forgets every other watcher of a service as soon as one
of them leaves, and none of its streams ends before the server does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_Answer = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Says the same of all services; made and used on the server's event loop.

    Args:
      services: Names that are known; "" = the server as a whole.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(services)
        self._is_serving = self._is_over = False
        self._changed = asyncio.Condition()

    async def set(self, *, serving: bool, is_last: bool = False) -> None:
        """Tells everybody who watches.

        Args:
          serving: SERVING or NOT_SERVING.
          is_last: Whether nothing comes after it: streams end, so that they do not hold up the server's end.
        """
        async with self._changed:
            self._is_serving, self._is_over = serving, self._is_over or is_last
            self._changed.notify_all()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The state of a service; NOT_FOUND of one that is not known."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return _Answer(status=self._state(request.service))

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """The state of a service, and again whenever it changes."""
        told = None
        while True:
            state, is_over = self._state(request.service), self._is_over
            if state != told:
                yield _Answer(status=state)
                told = state
            if is_over:
                return
            async with self._changed:
                if self._state(request.service) == told and not self._is_over:
                    await self._changed.wait()

    def _state(self, service: str) -> Any:
        if service not in self._services:
            return _Answer.SERVICE_UNKNOWN
        return _Answer.SERVING if self._is_serving else _Answer.NOT_SERVING
