"""Runs an ASGI application on a real socket for a test."""

from __future__ import annotations

import contextlib
import socket
import threading

import uvicorn


@contextlib.contextmanager
def running(application):
    """Yields the address of the application, which runs in a thread of this process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # who comes before the server is up waits
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
