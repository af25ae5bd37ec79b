"""Servers on real sockets that answer what a test has written down, and count what they are asked."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BROKEN = "broken"
"""The connection ends without an answer."""


class Script:
    """Answers in order, the last one for ever: (code, content[, headers]) or BROKEN; and what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.connections = set()

    def next(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextlib.contextmanager
def rest_server(*answers, pause_seconds=0.0):
    """Yields the address and the script; content is JSON, or bytes that are sent one by one with the pause."""
    script = Script(*answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.requests.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
            script.connections.add(self.client_address)
            answer = script.next()
            if answer == BROKEN:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            code, content, *headers = answer
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(code)
            for name, value in dict(*headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(OSError):  # a client that has given up
                for byte in [content[i : i + 1] for i in range(len(content))] if pause_seconds else [content]:
                    self.wfile.write(byte)
                    time.sleep(pause_seconds)

        do_GET = do_POST = handle_any  # noqa: N815

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port():
    """A port on which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
