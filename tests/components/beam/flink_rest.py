"""A small server that plays the part of Flink's REST API: jobs that run until they are cancelled."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Flink:
    """The jobs of a JobManager.

    Attributes:
      address: Of its REST API.
      jobs: Name and state by id.
      asked: Method and path of every request.
      deaf: Whether a job goes on though it is cancelled.
    """

    def __init__(self, address: str, jobs: dict[str, tuple[str, str]]) -> None:
        self.address = address
        self.jobs = jobs
        self.asked: list[str] = []
        self.deaf = False

    def states(self) -> dict[str, str]:
        """The state of each job, by id."""
        return {job: state for job, (_, state) in self.jobs.items()}


@contextlib.contextmanager
def flink(jobs: dict[str, tuple[str, str]]) -> Iterator[Flink]:
    """A JobManager with jobs, name and state by id."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(f"GET {self.path}")
            answer = [{"jid": job, "name": name, "state": state} for job, (name, state) in told.jobs.items()]
            # A job that is being cancelled is seen once more in that state.
            for job, (name, state) in told.jobs.items():
                if state == "CANCELLING" and not told.deaf:
                    told.jobs[job] = (name, "CANCELED")
            self._answer(200, {"jobs": answer})

        def do_PATCH(self) -> None:
            told.asked.append(f"PATCH {self.path}")
            job = self.path.removeprefix("/jobs/").removesuffix("?mode=cancel")
            name, state = told.jobs.get(job, ("", ""))
            if state != "RUNNING":
                self._answer(409 if name else 404, {"errors": ["…"]})
                return
            told.jobs[job] = (name, "CANCELLING")
            self._answer(202, {})

        def _answer(self, code: int, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    told = Flink(f"localhost:{server.server_address[1]}", dict(jobs))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
