"""Work in real forks of a small process of its own: pytest's has used TensorFlow, whose threads a fork lacks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

BEGINNING = """
import functools, json, os, signal, sys, time
from pathlib import Path
from components import own_process, progress
from components.errors import InputError

def show(**told):
    print(json.dumps(told))
"""


def script(body):
    return [sys.executable, "-c", BEGINNING + textwrap.dedent(body)]


def outcome(body):
    done = subprocess.run(script(body), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_results_come_in_the_order_of_the_works_from_other_processes_at_the_same_time(tmp_path):
    found = outcome(f"""
        def meet(mine, other):
            Path({str(tmp_path)!r}, mine).touch()
            while not Path({str(tmp_path)!r}, other).exists():
                time.sleep(.01)
            return mine, os.getpid()
        (first, one), (second, two) = own_process.together(
            [functools.partial(meet, "a", "b"), functools.partial(meet, "b", "a")])
        show(names=[first, second], processes=len({{one, two, os.getpid()}}))
    """)
    assert found == {"names": ["a", "b"], "processes": 3}


def test_progress_is_heard_from_a_process_within_a_process():
    found = outcome("""
        import logging
        heard = []
        class Kept(logging.Handler):
            def emit(self, record):
                heard.append([record.levelno, record.getMessage()])
        progress.LOGGER.addHandler(Kept())
        def inner():
            progress.report("%d %% done", 50)
            progress.warn("look: 100%")
        def outer():
            assert own_process.is_own()
            return own_process.run([inner], at_once=False)
        assert not own_process.is_own()
        own_process.together([outer])
        show(heard=heard)
    """)
    assert found["heard"] == [[20, "50 % done"], [30, "look: 100%"]]


def test_an_error_keeps_its_type_its_causes_and_the_traceback_of_where_it_was():
    found = outcome("""
        import traceback
        def telling_name():
            raise InputError("bad row", expected="a number", received="x", action="mend it")
        def work():
            try:
                telling_name()
            except InputError as error:
                raise RuntimeError("the stage failed") from error
        try:
            own_process.together([work])
        except RuntimeError as error:
            cause = error.__cause__
            show(type=type(error).__name__, cause=type(cause).__name__, received=cause.received, text=str(cause),
                 shown="in telling_name" in "".join(traceback.format_exception(error)))
    """)
    assert found == {
        "type": "RuntimeError",
        "cause": "InputError",
        "received": "x",
        "text": "bad row\n  expected: a number\n  received: x\n  what to do: mend it",
        "shown": True,
    }


def test_an_error_that_cannot_be_sent_is_told_in_words():
    found = outcome("""
        class Odd(Exception):
            def __init__(self, one, two):
                super().__init__(f"{one} and {two}")
        def work():
            raise Odd("this", "that")
        try:
            own_process.together([work])
        except RuntimeError as error:
            show(text=str(error))
    """)
    assert found == {"text": "Odd: this and that"}


@pytest.mark.parametrize(
    ("end", "told"), [("os.kill(os.getpid(), signal.SIGKILL)", "memory"), ("os._exit(3)", "exit code 3")]
)
def test_a_process_that_ends_before_its_work_is_an_error_and_the_others_end_with_it(tmp_path, end, told):
    found = outcome(f"""
        def dies():
            while not Path({str(tmp_path)!r}, "pid").exists():
                time.sleep(.01)
            {end}
        def lives():
            path = Path({str(tmp_path)!r}, "begun")
            path.write_text(str(os.getpid()))
            path.rename(path.with_name("pid"))
            time.sleep(600)
        try:
            own_process.together([dies, lives])
        except own_process.ProcessEndedError as error:
            show(text=str(error))
    """)
    assert told in found["text"]
    assert gone(int((tmp_path / "pid").read_text()))


def test_who_is_interrupted_leaves_nothing_and_who_is_killed_leaves_nobody_at_work(tmp_path):
    for number in (signal.SIGINT, signal.SIGKILL):
        folder = tmp_path / number.name
        folder.mkdir()
        process = subprocess.Popen(
            script(f"""
                import tempfile
                signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may ignore it
                def work():
                    with tempfile.TemporaryDirectory(dir={str(folder)!r}) as made:
                        path = Path({str(folder)!r}, "begun")
                        path.write_text(str(os.getpid()))
                        path.rename(path.with_name("pid"))
                        time.sleep(600)
                try:
                    own_process.together([work])
                except KeyboardInterrupt:
                    sys.exit(130)
            """)
        )
        while not (folder / "pid").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait() == (130 if number == signal.SIGINT else -signal.SIGKILL)
        assert gone(int((folder / "pid").read_text()))
        if number == signal.SIGINT:
            assert [path.name for path in folder.iterdir()] == ["pid"]


def gone(process):
    """Waits until a process that is no child of this one has ended."""
    while Path(f"/proc/{process}").exists():
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True  # ended; in a container nobody may collect orphans
        time.sleep(0.01)
    return True


def test_where_no_process_may_be_made_the_works_are_done_here():
    found = outcome("show(same=own_process.run([os.getpid, os.getpid], at_once=True) == [os.getpid()] * 2)")
    assert found == {"same": True}


def test_a_process_with_threads_or_with_tensorflow_in_use_makes_none():
    found = outcome("""
        import threading
        alone = own_process.are_possible()
        end = threading.Event()
        waiting = threading.Thread(target=end.wait)
        waiting.start()
        beside = own_process.are_possible()
        end.set()
        waiting.join()
        import tensorflow as tf
        imported = own_process.are_possible()
        tf.constant(1)
        show(found=[alone, beside, imported, own_process.are_possible()])
    """)
    assert found == {"found": [True, False, True, False]}
