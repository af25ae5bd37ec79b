"""How an event loop's requests come to the batcher: together, none lost, none computed for nobody."""

import asyncio
import math
import threading
import time

import numpy as np
import pytest

from serving.calls.batching import Batcher, BatchingConfig, ClosedError, Task
from serving.calls.from_loop import ENOUGH_ROWS, AsyncPredictor
from serving.errors import DeadlineExceededError, InvalidRequestError, UnavailableError


class Doubling:
    """Stands where a version stands: a real batcher over a computation that doubles and can be held up."""

    def __init__(self, **options):
        self.sizes = []
        self.free = threading.Event()
        self.free.set()
        self.started = threading.Semaphore(0)
        self.batcher = Batcher(self._compute, BatchingConfig(num_batch_threads=1, **options))

    def task(self, target, arrays, done, deadline, waiter):
        return Task(target, arrays, len(arrays[0]), target, done, deadline, waiter)

    def _compute(self, target, inputs):
        self.started.release()
        self.free.wait()
        self.sizes.append(len(inputs[0]))
        if (inputs[0] < 0).any():
            raise InvalidRequestError("negative")
        return [inputs[0] * 2]


@pytest.fixture
def version():
    version = Doubling(max_batch_size=64, max_enqueued_batches=1)
    yield version
    version.free.set()
    version.batcher.close()


async def ask(predictor, version, *values, deadline=math.inf):
    (answer,) = await predictor.outputs(version, "target", [np.array(values)], deadline)
    return answer.tolist()


def test_requests_of_one_turn_are_one_call(version):
    async def main():
        predictor = AsyncPredictor(quiet_turns=1)
        return await asyncio.gather(*(ask(predictor, version, value) for value in range(5)))

    assert asyncio.run(main()) == [[0], [2], [4], [6], [8]]
    assert version.sizes == [5]


@pytest.mark.parametrize(("quiet_turns", "handed_over"), [(8, [3]), (1, [1, 1, 1])])
def test_requests_a_few_turns_apart_are_handed_over_together_where_so_many_turns_are_waited(
    version, monkeypatch, quiet_turns, handed_over
):
    sizes = []
    submit_all = version.batcher.submit_all
    monkeypatch.setattr(version.batcher, "submit_all", lambda tasks: sizes.append(len(tasks)) or submit_all(tasks))

    async def late(predictor, turns):
        for _ in range(turns):
            await asyncio.sleep(0)
        return await ask(predictor, version, turns)

    async def main():
        predictor = AsyncPredictor(quiet_turns=quiet_turns)
        return await asyncio.gather(*(late(predictor, turns) for turns in (0, 5, 10)))

    assert asyncio.run(main()) == [[0], [10], [20]]
    assert sizes == handed_over


def test_enough_rows_are_handed_over_at_once(version):
    async def main():
        predictor = AsyncPredictor(quiet_turns=10**9)
        return await asyncio.wait_for(ask(predictor, version, *range(ENOUGH_ROWS)), 10)

    assert asyncio.run(main()) == [2 * value for value in range(ENOUGH_ROWS)]


def test_a_bad_request_of_a_turn_fails_alone(version):
    async def main():
        predictor = AsyncPredictor(quiet_turns=1)
        return await asyncio.gather(*(ask(predictor, version, value) for value in (1, -1, 3)), return_exceptions=True)

    good, bad, last = asyncio.run(main())
    assert (good, last) == ([2], [6])
    assert isinstance(bad, InvalidRequestError)


def test_what_finds_the_queue_full_is_refused_and_the_others_are_answered(version):
    async def main():
        predictor = AsyncPredictor(quiet_turns=1)
        version.free.clear()
        first = asyncio.ensure_future(ask(predictor, version, 0))
        await asyncio.to_thread(version.started.acquire, timeout=10)
        asked = [asyncio.ensure_future(ask(predictor, version, *[1] * 20)) for _ in range(4)]  # 64 rows fit
        (refused,), _ = await asyncio.wait(asked, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert isinstance(refused.exception(), UnavailableError)
        version.free.set()
        await first
        return [len(await one) for one in asked if one is not refused]

    assert asyncio.run(main()) == [20, 20, 20]


def test_a_version_that_is_being_unloaded_says_so(version):
    version.batcher.close()
    with pytest.raises(ClosedError):
        asyncio.run(ask(AsyncPredictor(quiet_turns=1), version, 1))


def test_a_cancelled_request_is_not_computed_and_its_neighbours_are(version):
    async def main():
        predictor = AsyncPredictor(quiet_turns=1)
        version.free.clear()
        first = asyncio.ensure_future(ask(predictor, version, 0))
        await asyncio.to_thread(version.started.acquire, timeout=10)
        gone, kept = (asyncio.ensure_future(ask(predictor, version, value)) for value in (1, 2))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0)
        version.free.set()
        return await first, await kept

    assert asyncio.run(main()) == ([0], [4])
    assert version.sizes == [1, 1]


def test_a_request_whose_time_is_over_is_told_so_while_the_model_is_busy(version):
    async def main():
        predictor = AsyncPredictor(quiet_turns=1)
        version.free.clear()
        first = asyncio.ensure_future(ask(predictor, version, 0))
        await asyncio.to_thread(version.started.acquire, timeout=10)
        with pytest.raises(DeadlineExceededError):
            await asyncio.wait_for(ask(predictor, version, 1, deadline=time.monotonic() + 0.1), 10)
        version.free.set()
        return await first

    assert asyncio.run(main()) == [0]
    assert version.sizes == [1]
