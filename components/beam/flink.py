"""Ends a job at Flink's own door, the REST API of its JobManager: a client that goes away leaves its job running.

https://nightlies.apache.org/flink/flink-docs-stable/docs/ops/rest_api/
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

ENDED = ("FINISHED", "CANCELED", "FAILED")
SECONDS_TO_ANSWER = 5.0
SECONDS_BETWEEN_LOOKS = 0.25


def cancel(master: str, job_name: str, seconds: float = 30.0) -> int:
    """Cancels every job of a name that has not ended, and waits until it has.

    Args:
      master: Address of the JobManager's REST API, `HOST:PORT`, with a scheme or without.
      job_name: Name of the job, as Beam was given it.
      seconds: How long to wait.

    Returns:
      Number of jobs that were cancelled.

    Raises:
      OSError: The JobManager does not answer, or a job has not ended in time.
    """
    running = _running(master, job_name)
    for job in running:
        try:
            _ask(master, f"/jobs/{job}?mode=cancel", "PATCH")
        except urllib.error.HTTPError as error:
            if error.code not in (404, 409):  # it has ended in the meantime
                raise
    deadline = time.monotonic() + seconds
    while _running(master, job_name):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the job {job_name} still runs {seconds:.0f} seconds after it was cancelled")
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return len(running)


def _running(master: str, job_name: str) -> list[str]:
    jobs = _ask(master, "/jobs/overview")["jobs"]
    return [str(job["jid"]) for job in jobs if job["name"] == job_name and job["state"] not in ENDED]


def _ask(master: str, path: str, method: str = "GET") -> Any:
    address = master if "://" in master else f"http://{master}"
    request = urllib.request.Request(f"{address.rstrip('/')}{path}", method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=SECONDS_TO_ANSWER) as answer:
        return json.loads(answer.read() or b"{}")
