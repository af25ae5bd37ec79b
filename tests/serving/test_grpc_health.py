"""gRPC's health service over a real socket."""

import asyncio
import contextlib

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.rpc.health import Health

SERVING, NOT_SERVING, UNKNOWN = (
    health_pb2.HealthCheckResponse.ServingStatus.Value(name) for name in ("SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
)


def asked(scenario):
    """Runs a scenario with a health service of the server and the service `a`, and its stub."""

    async def main():
        server, health = grpc.aio.server(), Health(("", "a"))
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await asyncio.wait_for(scenario(health, health_pb2_grpc.HealthStub(channel)), 20)
        finally:
            await server.stop(0)

    asyncio.run(main())


def request(service):
    return health_pb2.HealthCheckRequest(service=service)


def test_a_check_tells_the_state_of_known_services_only():
    async def scenario(health, stub):
        assert (await stub.Check(request("a"))).status == NOT_SERVING
        await health.set(serving=True)
        assert (await stub.Check(request("a"))).status == SERVING
        assert (await stub.Check(request(""))).status == SERVING
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.Check(request("b"))
        assert error.value.code() is grpc.StatusCode.NOT_FOUND

    asked(scenario)


def test_every_watcher_is_told_of_every_change_also_after_another_one_has_left():
    async def scenario(health, stub):
        leaving, staying = stub.Watch(request("a")), stub.Watch(request("a"))
        assert [(await one.read()).status for one in (leaving, staying)] == [NOT_SERVING, NOT_SERVING]
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving.read()
        await health.set(serving=True)
        assert (await staying.read()).status == SERVING

    asked(scenario)


def test_a_watcher_of_an_unknown_service_is_told_so_and_streams_end_with_the_last_state():
    async def scenario(health, stub):
        unknown, known = stub.Watch(request("b")), stub.Watch(request(""))
        await health.set(serving=True)
        assert (await unknown.read()).status == UNKNOWN
        first = (await known.read()).status
        if first == NOT_SERVING:  # it was there before the change
            first = (await known.read()).status
        assert first == SERVING
        await health.set(serving=False, is_last=True)
        assert (await known.read()).status == NOT_SERVING
        assert await known.read() is grpc.aio.EOF
        assert await unknown.read() is grpc.aio.EOF

    asked(scenario)
