"""The batcher: what is merged, what is not, and what happens when things go wrong."""

import threading
import time

import numpy as np
import pytest

from serving.calls.batching import Batcher, BatchingConfig, ClosedError, Task
from serving.errors import DeadlineExceededError, InvalidRequestError, ServerError, Status, UnavailableError


class Calls:
    """A computation that doubles its input, remembers the sizes of its calls and can be held up."""

    def __init__(self):
        self.sizes = []
        self.free = threading.Event()
        self.free.set()
        self.started = threading.Semaphore(0)

    def __call__(self, target, inputs):
        self.started.release()
        self.free.wait()
        self.sizes.append(len(inputs[0]))
        if (inputs[0] < 0).any():
            raise InvalidRequestError("negative")
        if (inputs[0] == 13).any():
            raise RuntimeError("a bug")
        return [inputs[0] * 2]


class Asked:
    """Requests and their answers."""

    def __init__(self, batcher):
        self._batcher = batcher
        self._answered = threading.Semaphore(0)

    def ask(self, *values, key="k", mergeable=True, deadline=float("inf"), done=None):
        array = np.array(values)
        task = Task("target", [array], len(values) if mergeable else 0, key, done or self._done, deadline)
        self._batcher.submit(task)
        return task

    def _done(self, tasks):
        for _ in tasks:
            self._answered.release()

    def wait(self, number):
        for _ in range(number):
            assert self._answered.acquire(timeout=10)


@pytest.fixture
def calls():
    return Calls()


def held(calls, **options):
    """A batcher whose only worker is busy with a call of one row, and requests for it."""
    batcher = Batcher(calls, BatchingConfig(num_batch_threads=1, **options))
    asked = Asked(batcher)
    calls.free.clear()
    asked.ask(0)
    assert calls.started.acquire(timeout=10)
    return batcher, asked


def answers(*tasks):
    return [task.outputs[0].tolist() for task in tasks]


def test_what_waits_is_computed_in_one_call_and_everybody_gets_their_own_rows(calls):
    batcher, asked = held(calls)
    tasks = [asked.ask(1), asked.ask(2, 3), asked.ask(4)]
    calls.free.set()
    asked.wait(4)
    assert calls.sizes == [1, 4]
    assert answers(*tasks) == [[2], [4, 6], [8]]
    batcher.close()


def test_a_call_has_at_most_the_most_rows(calls):
    batcher, asked = held(calls, max_batch_size=3)
    tasks = [asked.ask(1, 2), asked.ask(3, 4), asked.ask(5), asked.ask(6, 7, 8)]
    calls.free.set()
    asked.wait(5)
    assert calls.sizes == [1, 2, 3, 3]
    assert answers(*tasks) == [[2, 4], [6, 8], [10], [12, 14, 16]]
    batcher.close()


def test_requests_of_different_keys_and_unmergeable_ones_are_not_merged(calls):
    batcher, asked = held(calls)
    asked.ask(1, key="a")
    asked.ask(2, key="b")
    asked.ask(3, key="a")
    asked.ask(4, key=object(), mergeable=False)
    calls.free.set()
    asked.wait(5)
    assert calls.sizes == [1, 2, 1, 1]
    batcher.close()


def test_keys_take_turns_where_one_of_them_fills_every_call(calls):
    batcher, asked = held(calls, max_batch_size=2)
    for value in range(6):
        asked.ask(value, key="busy")
    late = asked.ask(7, key="rare")
    order = []
    late.done = lambda tasks: (order.append(len(calls.sizes)), asked._done(tasks))
    calls.free.set()
    asked.wait(8)
    assert order == [3]  # after the held call and one call of the busy key
    batcher.close()


def test_a_bad_row_fails_its_own_request_only(calls):
    batcher, asked = held(calls)
    good, bad, last = asked.ask(1), asked.ask(-1), asked.ask(3)
    calls.free.set()
    asked.wait(4)
    assert answers(good, last) == [[2], [6]]
    assert isinstance(bad.error, InvalidRequestError)
    batcher.close()


def test_answers_that_are_not_row_by_row_come_from_calls_of_their_own():
    batcher, asked = held(calls := Calls())
    batcher._compute = lambda target, inputs: [inputs[0].sum(keepdims=True)]
    tasks = [asked.ask(1), asked.ask(2, 3)]
    calls.free.set()
    asked.wait(3)
    assert answers(*tasks) == [[1], [5]]
    batcher.close()


def test_a_full_queue_refuses_and_takes_requests_again_when_there_is_room(calls):
    batcher, asked = held(calls, max_batch_size=2, max_enqueued_batches=2)
    for value in range(4):
        asked.ask(value)
    with pytest.raises(UnavailableError, match="The batch scheduling queue to which this task was submitted is full"):
        asked.ask(5)
    assert batcher.queued_rows == 4
    calls.free.set()
    asked.wait(5)
    assert batcher.queued_rows == 0
    asked.ask(5)
    asked.wait(1)
    batcher.close()


def test_an_empty_queue_takes_a_request_of_any_size(calls):
    batcher, asked = held(calls, max_batch_size=2, max_enqueued_batches=2)
    task = asked.ask(*range(9))
    calls.free.set()
    asked.wait(2)
    assert len(task.outputs[0]) == 9
    batcher.close()


def test_what_nobody_waits_for_is_never_computed(calls):
    batcher, asked = held(calls)
    gone, late, good = asked.ask(1), asked.ask(2, deadline=time.monotonic() - 1), asked.ask(3)
    gone.abandoned = True
    calls.free.set()
    asked.wait(3)  # the held one, the late one and the good one: who has gone is told nothing
    assert calls.sizes == [1, 1]
    assert isinstance(late.error, DeadlineExceededError)
    assert (gone.outputs, gone.error, batcher.queued_rows) == (None, None, 0)
    assert answers(good) == [[6]]
    batcher.close()


def test_a_worker_survives_whatever_happens(calls):
    """A worker that died would leave every later request waiting for ever."""
    batcher, asked = held(calls)
    bug = asked.ask(13)

    def broken(tasks):
        raise RuntimeError("the loop is closed")

    asked.ask(1, done=broken)
    good = asked.ask(2)
    calls.free.set()
    asked.wait(3)
    assert isinstance(bug.error, ServerError)
    assert "a bug" in bug.error.message
    after = asked.ask(4)
    asked.wait(1)
    assert answers(good, after) == [[4], [8]]
    batcher.close()


def test_a_caller_computes_for_itself_where_nothing_else_is_going_on(calls):
    batcher = Batcher(calls, BatchingConfig(num_batch_threads=1))
    asked = Asked(batcher)

    def run(value):
        task = Task("target", [np.array([value])], 1, "k", asked._done)
        return task, batcher.run_or_submit(task)

    task, computed = run(3)
    assert computed
    assert answers(task) == [[6]]
    bad, computed = run(-1)
    assert computed
    assert isinstance(bad.error, InvalidRequestError)
    calls.free.clear()
    inline = threading.Thread(target=run, args=(1,))
    inline.start()
    while batcher._running == 0:
        time.sleep(0.01)
    waiting, computed = run(5)
    assert not computed
    assert waiting.outputs is None
    calls.free.set()
    asked.wait(1)
    assert answers(waiting) == [[10]]
    inline.join()
    batcher.close()
    with pytest.raises(ClosedError):
        run(1)


def test_closing_waits_for_callers_that_compute_for_themselves(calls):
    batcher = Batcher(calls, BatchingConfig(num_batch_threads=1))
    calls.free.clear()
    task = Task("target", [np.array([1])], 1, "k", None)
    inline = threading.Thread(target=batcher.run_or_submit, args=(task,))
    inline.start()
    while batcher._running == 0:
        time.sleep(0.01)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    closing.join(timeout=0.2)
    assert closing.is_alive()
    calls.free.set()
    closing.join(timeout=10)
    assert not closing.is_alive()
    inline.join()
    assert answers(task) == [[2]]


def test_closing_answers_what_is_queued_and_refuses_the_rest(calls):
    batcher, asked = held(calls)
    task = asked.ask(1)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    while not batcher._closed:
        time.sleep(0.01)
    with pytest.raises(ClosedError):
        asked.ask(2)
    calls.free.set()
    closing.join(timeout=10)
    assert not closing.is_alive()
    assert answers(task) == [[2]]


# Long requests.


class Blocks:
    """A computation that doubles, notes the rows of each call and lets every call through by hand."""

    def __init__(self):
        self.sizes = []
        self.entered = threading.Semaphore(0)
        self.turns = threading.Semaphore(0)

    def __call__(self, target, inputs):
        self.sizes.append(len(inputs[0]))
        self.entered.release()
        assert self.turns.acquire(timeout=60)
        return [inputs[0] * 2]

    def let(self, calls):
        """Lets so many calls through, one after the other."""
        for _ in range(calls):
            self.turns.release()


def long_request(blocks, rows=200, **options):
    """A batcher whose only worker computes the first block of a long request, and what asks it."""
    batcher = Batcher(blocks, BatchingConfig(num_batch_threads=1, max_batch_size=50, **options))
    asked = Asked(batcher)
    task = asked.ask(*range(rows))
    assert blocks.entered.acquire(timeout=10)
    return batcher, asked, task


def test_a_long_request_is_computed_in_blocks_and_answered_as_a_whole():
    blocks = Blocks()
    batcher, asked, task = long_request(blocks)
    blocks.let(1000)
    asked.wait(1)
    assert blocks.sizes[0] == 32
    assert max(blocks.sizes) <= 50
    assert sum(blocks.sizes) == 200
    assert answers(task) == [[2 * value for value in range(200)]]
    assert batcher.queued_rows == 0
    batcher.close()


def test_blocks_become_smaller_where_they_take_too_long():
    sizes = []

    def slow(target, inputs):
        sizes.append(len(inputs[0]))
        time.sleep(0.002 * len(inputs[0]))
        return [inputs[0]]

    batcher = Batcher(slow, BatchingConfig(num_batch_threads=1, max_batch_size=50))
    asked = Asked(batcher)
    asked.ask(*range(100))
    asked.wait(1)
    assert sizes[0] == 32
    assert max(sizes[2:]) <= 8  # ten milliseconds are five rows, at most
    batcher.close()


def test_a_short_request_has_its_turn_after_a_block():
    blocks = Blocks()
    batcher, asked, task = long_request(blocks)
    short = asked.ask(7)
    blocks.let(2)  # the block that runs, and the short request: no second block
    asked.wait(1)
    assert answers(short) == [[14]]
    assert task.outputs is None
    assert blocks.sizes[:2] == [32, 1]
    blocks.let(1000)
    asked.wait(1)
    batcher.close()


def test_long_requests_take_turns_with_each_other():
    blocks = Blocks()
    batcher, asked, first = long_request(blocks, rows=60)
    second = asked.ask(*range(100, 160))
    order = []
    first.done = lambda tasks: (order.append("first"), asked._done(tasks))
    second.done = lambda tasks: (order.append("second"), asked._done(tasks))
    blocks.let(3)  # first, second, first: it has 28 rows left
    asked.wait(1)
    assert order == ["first"]
    assert second.computed == 32
    blocks.let(1000)
    asked.wait(1)
    assert answers(second) == [[2 * value for value in range(100, 160)]]
    batcher.close()


def test_one_of_several_workers_is_left_to_short_requests():
    blocks = Blocks()
    batcher = Batcher(blocks, BatchingConfig(num_batch_threads=2, max_batch_size=50))
    asked = Asked(batcher)
    asked.ask(*range(60))
    asked.ask(*range(60))
    assert blocks.entered.acquire(timeout=10)
    asked.ask(1)
    assert blocks.entered.acquire(timeout=10)
    assert blocks.sizes == [32, 1]  # not a block of the second long one
    blocks.let(1000)
    asked.wait(3)
    batcher.close()


@pytest.mark.parametrize("how", ["abandoned", "late"])
def test_a_long_request_that_nobody_waits_for_ends_between_blocks(how):
    blocks = Blocks()
    batcher, asked, task = long_request(blocks)
    if how == "abandoned":
        task.abandoned = True
    else:
        task.deadline = 0.0
    blocks.let(1)
    other = asked.ask(1)
    blocks.let(1)
    asked.wait(1 if how == "abandoned" else 2)
    assert answers(other) == [[2]]
    assert blocks.sizes == [32, 1]
    assert task.outputs is None
    if how == "late":
        assert isinstance(task.error, DeadlineExceededError)
    assert batcher.close(10)
    assert batcher.queued_rows == 0


def test_long_requests_together_have_at_most_so_many_rows():
    blocks = Blocks()
    batcher, asked, _ = long_request(blocks, max_long_rows=300)
    asked.ask(*range(100))
    with pytest.raises(
        UnavailableError, match="Requests with 300 rows are being answered, and this one has 51"
    ) as error:
        asked.ask(*range(51))
    assert error.value.status is Status.RESOURCE_EXHAUSTED
    asked.ask(*range(50))  # not a long one
    blocks.let(1000)
    asked.wait(3)
    asked.ask(*range(400))  # alone it may be of any size
    asked.wait(1)
    batcher.close()


def test_a_long_request_that_is_not_answered_row_by_row_is_computed_as_a_whole():
    batcher = Batcher(lambda target, inputs: [inputs[0].sum(keepdims=True)], BatchingConfig(max_batch_size=50))
    asked = Asked(batcher)
    task = asked.ask(*range(100))
    asked.wait(1)
    assert answers(task) == [[4950]]
    batcher.close()


@pytest.mark.parametrize(("pads", "calls"), [(True, 2), (False, 3)])
def test_blocks_of_different_widths_are_filled_up_or_computed_as_a_whole(pads, calls):
    """A row of `recommend` is as wide as the largest n of its call."""
    sizes = []

    def ragged(target, inputs):
        sizes.append(len(inputs[0]))
        texts = np.full((len(inputs[0]), inputs[0].max()), b"", dtype=object)
        numbers = np.zeros(texts.shape, np.float32)
        for row, width in enumerate(inputs[0]):
            texts[row, :width], numbers[row, :width] = b"x", 1
        return [texts, numbers]

    batcher = Batcher(ragged, BatchingConfig(max_batch_size=50))
    answered = threading.Semaphore(0)
    task = Task("target", [np.array([1] * 32 + [3] * 19)], 51, "k", lambda tasks: answered.release(), pads=pads)
    batcher.submit(task)
    assert answered.acquire(timeout=10)
    texts, numbers = task.outputs
    assert texts.tolist() == [[b"x", b"", b""]] * 32 + [[b"x"] * 3] * 19
    assert numbers.tolist() == [[1, 0, 0]] * 32 + [[1, 1, 1]] * 19
    assert len(sizes) == calls
    batcher.close()


def test_a_batcher_whose_time_to_close_is_over_refuses_what_is_left():
    blocks = Blocks()
    batcher, asked, task = long_request(blocks)
    short = asked.ask(1)
    assert not batcher.close(0)  # the block that runs cannot be interrupted
    asked.wait(1)
    assert isinstance(short.error, UnavailableError)
    assert "The server ends" in short.error.message
    blocks.let(1)
    asked.wait(1)
    assert isinstance(task.error, UnavailableError)
    assert blocks.sizes == [32]
    assert batcher.close(10)
