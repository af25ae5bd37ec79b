"""Servers that do no work, for comparison: the same libraries, a fixed answer of the size of a real one.

python -m benchmarks.do_nothing_servers rest|grpc|grpc-aio PORT ANSWER_FILE
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]


def rest(port: int, body: bytes) -> None:
    """uvicorn with an application that reads the body and answers."""
    import uvicorn

    async def application(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        await receive()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(
        application,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        interface="asgi3",
        server_header=False,
    )


def grpc_server(port: int, answer: bytes) -> None:
    """grpcio with the stubs of TensorFlow Serving: the question is parsed, the answer serialized."""
    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    response = predict_pb2.PredictResponse.FromString(answer)

    class DoNothing(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
            return response

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(64))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(DoNothing(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def grpc_aio_server(port: int, answer: bytes) -> None:
    """The same on grpcio's asynchronous server and uvloop."""
    import grpc
    import uvloop
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    response = predict_pb2.PredictResponse.FromString(answer)

    class DoNothing(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
        async def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
            return response

    async def serve() -> None:
        server = grpc.aio.server()
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(DoNothing(), server)
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await server.wait_for_termination()

    uvloop.install()
    asyncio.run(serve())


SERVERS = {"rest": rest, "grpc": grpc_server, "grpc-aio": grpc_aio_server}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]).read_bytes())
