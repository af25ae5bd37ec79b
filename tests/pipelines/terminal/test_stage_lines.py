import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from components import progress
from components.progress import duration
from pipelines.local_run.stages import StageResult
from pipelines.terminal.stage_lines import StageLines


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def result(stage, seconds, *, cached=False):
    return StageResult(id=stage, seconds=seconds, cached=cached, outputs={})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (23.44, "23.4 s"), (185, "3 min 05 s"), (3599.7, "1 h 00 min"), (7620, "2 h 07 min")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_log_has_one_line_a_stage():
    file = io.StringIO()
    with StageLines(Console(file=file)) as view:
        view.begin(["Transform", "Pusher"])
        view.started("Transform")
        assert file.getvalue() == "[1/2] Transform  "  # the running stage is shown at once
        view.finished(result("Transform", 23.44))
        view.started("Pusher")
        view.finished(result("Pusher", 0.1, cached=True))
    assert file.getvalue() == "[1/2] Transform  23.4 s\n[2/2] Pusher     cached\n"


def test_a_log_thins_the_words_of_a_stage_out_and_keeps_the_last():
    file, clock = io.StringIO(), Clock()
    with StageLines(Console(file=file), clock) as view:
        view.begin(["Trainer"])
        view.started("Trainer")
        for clock.now, message in (
            (0.5, "epoch 1"),
            (2, "epoch 2"),
            (2.5, "epoch 3"),
            (4, "rows 10"),
            (4.5, "rows 20"),
        ):
            progress.report(message)
        view.finished(result("Trainer", 4.5))
    assert file.getvalue().splitlines() == [
        "[1/1] Trainer  ",
        "        epoch 2",
        "        rows 20",
        "[1/1] Trainer  4.5 s",
    ]


def test_what_a_stage_concludes_is_shown_however_soon_it_comes():
    file, clock = io.StringIO(), Clock()
    with StageLines(Console(file=file), clock) as view:
        view.begin(["Scorer"])
        view.started("Scorer")
        progress.report("8 of 9 users scored")
        progress.conclude("all 9 records done")
        view.finished(result("Scorer", 1.0))
    assert file.getvalue().splitlines() == ["[1/1] Scorer  ", "        all 9 records done", "[1/1] Scorer  1.0 s"]


def test_a_notice_is_always_shown_as_it_is():
    file = io.StringIO()
    with StageLines(Console(file=file)) as view:
        view.begin(["Gate"])
        view.started("Gate")
        progress.warn("3 items [REC] were added")
        view.failed("Gate", 1.0, "failed")
    assert file.getvalue().splitlines()[1:] == [
        "        note: 3 items [REC] were added",
        "[1/1] Gate  failed after 1.0 s",
    ]


def test_a_log_says_whose_words_they_are_where_two_stages_run_at_once():
    file, clock = io.StringIO(), Clock()

    def second_stage():
        view.started("Map")
        clock.now += 10
        progress.report("half a map")
        first.set()
        second.wait()
        progress.conclude("a whole map")
        view.finished(result("Map", 20))

    first, second = threading.Event(), threading.Event()
    with StageLines(Console(file=file), clock) as view, ThreadPoolExecutor(1) as other:
        view.begin(["Index", "Map"])
        view.started("Index")
        ended = other.submit(second_stage)
        first.wait()
        progress.report("searching")
        view.finished(result("Index", 10))
        second.set()
        ended.result()
    assert file.getvalue().splitlines() == [
        "[1/2] Index  ",
        "        Map: half a map",
        "        Index: searching",
        "[1/2] Index  10.0 s",
        "[2/2] Map    ",
        "        a whole map",
        "[2/2] Map    20.0 s",
    ]


def test_a_terminal_rewrites_the_running_line():
    file = io.StringIO()
    with StageLines(Console(file=file, force_terminal=True, width=100)) as view:
        view.preparing("Loading")
        view.begin(["Transform"])
        view.started("Transform")
        view.finished(result("Transform", 2.0))
    assert "\x1b[2K" in file.getvalue()  # erases the line before the final one
    assert "2.0 s" in file.getvalue()


def test_a_terminal_shows_each_stage_that_runs():
    file = io.StringIO()
    with StageLines(Console(file=file, force_terminal=True, width=100)) as view, ThreadPoolExecutor(1) as other:
        view.begin(["Index", "Map"])
        view.started("Index")
        other.submit(view.started, "Map").result()
        other.submit(progress.report, "half a map").result()
        view._board._live.refresh()
        shown = file.getvalue()
        view.finished(result("Index", 2.0))
        other.submit(view.finished, result("Map", 3.0)).result()
    assert shown.rindex("[1/2] Index") < shown.rindex("[2/2] Map") < shown.rindex("half a map")
    assert re.findall(r"(Index|Map)\s+(?:\x1b\[\d+m)?([23]\.0 s)", file.getvalue()) == [
        ("Index", "2.0 s"),
        ("Map", "3.0 s"),
    ]


def test_nothing_is_shown_once_it_has_ended():
    file = io.StringIO()
    with StageLines(Console(file=file)):
        pass
    progress.warn("late")
    assert file.getvalue() == ""
