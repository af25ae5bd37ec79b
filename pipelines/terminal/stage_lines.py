"""One line a stage on the terminal or in a log, with the stage's own progress while it runs."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from components.progress import LOGGER, RESULT, duration
from pipelines.local_run.stages import StageResult

EPOCH_INTERVAL_SECONDS = 1.0
NOTE_INTERVAL_SECONDS = 5.0
INDENT = " " * 8


class StageLines:
    """Shows `[ 5/17] Transform   23.4 s` for each stage.

    On a terminal a running stage is one line that is rewritten with the elapsed time and the
    stage's latest word. In a log the stage's words are lines of their own: epochs at most one a
    second, others at most one in five seconds; the last one, and what the stage concludes, always.
    Of stages that run at the same time, each belongs to the thread that has said it started.
    Use as a context manager: inside it the lines of `components.progress` are shown.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._board: _Board = _TerminalBoard(console, clock) if console.is_terminal else _LogBoard(console, clock)
        self._stages: Sequence[str] = ()
        self._running: dict[int, _Line] = {}
        self._handler = _ProgressHandler(self._note)
        self._clock = clock

    def __enter__(self) -> StageLines:
        LOGGER.addHandler(self._handler)
        return self

    def __exit__(self, *exception: object) -> None:
        LOGGER.removeHandler(self._handler)
        self._close_all()

    def preparing(self, message: str) -> None:
        """Shows what happens before the first stage."""
        self._open("", Text(message))

    def begin(self, stages: Sequence[str]) -> None:
        self._stages = tuple(stages)
        self._close_all()

    def started(self, stage: str) -> None:
        self._open(stage, self._label(stage))

    def finished(self, result: StageResult) -> None:
        self._finish(Text("cached", "dim") if result.cached else Text(duration(result.seconds), "green"))

    def failed(self, stage: str, seconds: float, how: str) -> None:
        self._finish(Text(f"{how} after {duration(seconds)}", "bold red"))

    def _label(self, stage: str) -> Text:
        total = len(self._stages)
        width = max(map(len, self._stages))
        return Text(f"[{self._stages.index(stage) + 1:>{len(str(total))}}/{total}] {stage:<{width}}  ")

    def _open(self, stage: str, label: Text) -> None:
        now = self._clock()
        line = _Line(stage=stage, label=label, start=now, shown_at=now)
        self._running[threading.get_ident()] = line
        self._board.open(line)

    def _finish(self, outcome: Text) -> None:
        line = self._running.pop(threading.get_ident(), None)
        if line is not None:
            self._board.finish(line, outcome)

    def _close_all(self) -> None:
        while self._running:
            self._board.close(self._running.popitem()[1])

    def _note(self, message: str, level: int, thread: int | None) -> None:
        line = self._running.get(thread or 0) or next(iter(self._running.values()), None)
        if level >= logging.WARNING:
            self._board.show(Text(f"{INDENT}note: {message}", "yellow"))
        elif line is not None:
            self._board.note(line, message, always=level >= RESULT)


class _ProgressHandler(logging.Handler):
    def __init__(self, show: Callable[[str, int, int | None], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._show(record.getMessage(), record.levelno, record.thread)
        except Exception:
            self.handleError(record)


@dataclasses.dataclass(kw_only=True, eq=False)
class _Line:
    """A stage that runs, or what happens before the first.

    Attributes:
      stage: Its name.
      label: What its line begins with.
      start: When it started, by the board's clock.
      message: Its latest word that is to be seen yet.
      shown_at: When a word of it was last shown, or else when it started.
      begun: Whether its label was shown.
    """

    stage: str
    label: Text
    start: float
    message: str = ""
    shown_at: float
    begun: bool = False


class _Board(Protocol):
    """Where the lines of running stages stand."""

    def open(self, line: _Line) -> None:
        """Shows that it runs."""

    def note(self, line: _Line, message: str, *, always: bool) -> None:
        """Shows a word of the stage, or leaves it out where many follow each other, unless it is `always` shown."""

    def show(self, text: Text) -> None:
        """Shows a line that stays."""

    def finish(self, line: _Line, outcome: Text) -> None:
        """Replaces the line by its final form."""

    def close(self, line: _Line) -> None:
        """Ends the line without an outcome."""


class _TerminalBoard:
    """Rewritten four times a second while something runs."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._lines: list[_Line] = []
        self._live: Live | None = None

    def open(self, line: _Line) -> None:
        self._lines.append(line)
        if self._live is None:
            self._live = Live(
                get_renderable=lambda: Group(*map(self._render, self._lines)),
                console=self._console,
                transient=True,
                refresh_per_second=4,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _render(self, line: _Line) -> Text:
        shown = line.label.copy()
        shown.append(f"{duration(self._clock() - line.start)}  ", "cyan")
        shown.append(line.message, "dim")
        shown.no_wrap = True
        shown.overflow = "ellipsis"
        return shown

    def note(self, line: _Line, message: str, *, always: bool) -> None:
        line.message = message

    def show(self, text: Text) -> None:
        self._console.print(text, highlight=False)

    def finish(self, line: _Line, outcome: Text) -> None:
        self.close(line)
        self.show(line.label + outcome)

    def close(self, line: _Line) -> None:
        self._lines.remove(line)
        if not self._lines and self._live is not None:
            self._live.stop()
            self._live = None


class _LogBoard:
    """A line is begun when the stage starts and completed when it ends; whatever is said meanwhile breaks it.

    Of stages at the same time the later one's line is begun once the earlier one has ended.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._lines: list[_Line] = []
        self._unbroken: _Line | None = None

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()

    def _break(self) -> None:
        if self._unbroken is not None:
            self._write("\n")
            self._unbroken = None

    def open(self, line: _Line) -> None:
        self._lines.append(line)
        if len(self._lines) == 1:
            self._begin(line)

    def _begin(self, line: _Line) -> None:
        line.begun = True
        self._unbroken = line
        self._write(line.label.plain)

    def note(self, line: _Line, message: str, *, always: bool) -> None:
        interval = EPOCH_INTERVAL_SECONDS if "epoch " in message else NOTE_INTERVAL_SECONDS
        now = self._clock()
        if not always and now - line.shown_at < interval:
            line.message = message
            return
        line.shown_at, line.message = now, ""
        self._say(line, message)

    def _say(self, line: _Line, message: str) -> None:
        self._break()
        whose = f"{line.stage}: " if len(self._lines) > 1 else ""
        self._write(f"{INDENT}{whose}{message}\n")

    def show(self, text: Text) -> None:
        self._break()
        self._write(f"{text.plain}\n")

    def finish(self, line: _Line, outcome: Text) -> None:
        unbroken = self._unbroken is line
        if not unbroken and line.message:
            self._say(line, line.message)
        self._lines.remove(line)
        if unbroken:
            self._unbroken = None
            self._write(f"{outcome.plain}\n")
        else:
            self.show(line.label + outcome)
        if self._lines and not self._lines[0].begun:
            self._begin(self._lines[0])

    def close(self, line: _Line) -> None:
        self._lines.remove(line)
        self._break()
