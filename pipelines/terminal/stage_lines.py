"""One line a stage on the terminal or in a log, with the stage's own progress while it runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live
from rich.text import Text

from components.progress import LOGGER, RESULT, duration
from pipelines.local_run.stages import StageResult

EPOCH_INTERVAL_SECONDS = 1.0
NOTE_INTERVAL_SECONDS = 5.0
INDENT = " " * 8


class StageLines:
    """Shows `[ 5/17] Transform   23.4 s` for each stage.

    On a terminal the running stage is one line that is rewritten with the elapsed time and the
    stage's latest word. In a log the stage's words are lines of their own: epochs at most one a
    second, others at most one in five seconds; the last one, and what the stage concludes, always.
    Use as a context manager: inside it the lines of `components.progress` are shown.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._stages: Sequence[str] = ()
        self._running: _RunningLine | None = None
        self._handler = _ProgressHandler(self._note)

    def __enter__(self) -> StageLines:
        LOGGER.addHandler(self._handler)
        return self

    def __exit__(self, *exception: object) -> None:
        LOGGER.removeHandler(self._handler)
        if self._running is not None:
            self._running.close()
            self._running = None

    def preparing(self, message: str) -> None:
        """Shows what happens before the first stage."""
        self._open(Text(message))

    def begin(self, stages: Sequence[str]) -> None:
        self._stages = tuple(stages)
        self._end_preparing()

    def started(self, stage: str) -> None:
        self._open(self._label(stage))

    def finished(self, result: StageResult) -> None:
        how = Text("cached", "dim") if result.cached else Text(duration(result.seconds), "green")
        self._close(result.id, how)

    def failed(self, stage: str, seconds: float, how: str) -> None:
        self._close(stage, Text(f"{how} after {duration(seconds)}", "bold red"))

    def _label(self, stage: str) -> Text:
        total = len(self._stages)
        width = max(map(len, self._stages))
        return Text(f"[{self._stages.index(stage) + 1:>{len(str(total))}}/{total}] {stage:<{width}}  ")

    def _open(self, label: Text) -> None:
        kind = _TerminalLine if self._console.is_terminal else _LogLine
        self._running = kind(self._console, label, self._clock)

    def _close(self, stage: str, outcome: Text) -> None:
        if self._running is not None:
            self._running.finish(self._label(stage), outcome)
            self._running = None

    def _end_preparing(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None

    def _note(self, message: str, level: int) -> None:
        if level >= logging.WARNING:
            text = Text(f"{INDENT}note: {message}", "yellow")
            if self._running is None:
                self._console.print(text, highlight=False)
            else:
                self._running.show(text)
        elif self._running is not None:
            self._running.note(message, always=level >= RESULT)


class _ProgressHandler(logging.Handler):
    def __init__(self, show: Callable[[str, int], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._show(record.getMessage(), record.levelno)
        except Exception:
            self.handleError(record)


class _RunningLine:
    """The line of the stage that runs."""

    def __init__(self, console: Console, label: Text, clock: Callable[[], float]) -> None:
        self._console = console
        self._label = label
        self._clock = clock
        self._start = clock()

    def note(self, message: str, *, always: bool = False) -> None:
        """Shows a word of the stage, or leaves it out where many follow each other, unless it is `always` shown."""
        raise NotImplementedError

    def show(self, text: Text) -> None:
        """Shows a line that stays."""
        raise NotImplementedError

    def finish(self, label: Text, outcome: Text) -> None:
        """Replaces the line by its final form."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the line without an outcome."""
        raise NotImplementedError


class _TerminalLine(_RunningLine):
    """Rewritten four times a second until the stage ends."""

    def __init__(self, console: Console, label: Text, clock: Callable[[], float]) -> None:
        super().__init__(console, label, clock)
        self._message = ""
        self._live = Live(
            get_renderable=self._render,
            console=console,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def _render(self) -> Text:
        line = self._label.copy()
        line.append(f"{duration(self._clock() - self._start)}  ", "cyan")
        line.append(self._message, "dim")
        line.no_wrap = True
        line.overflow = "ellipsis"
        return line

    def note(self, message: str, *, always: bool = False) -> None:
        self._message = message

    def show(self, text: Text) -> None:
        self._live.console.print(text, highlight=False)

    def finish(self, label: Text, outcome: Text) -> None:
        self._live.stop()
        self._console.print(label + outcome, highlight=False)

    def close(self) -> None:
        self._live.stop()


class _LogLine(_RunningLine):
    """Begun when the stage starts and completed when it ends; the stage's words break it."""

    def __init__(self, console: Console, label: Text, clock: Callable[[], float]) -> None:
        super().__init__(console, label, clock)
        self._broken = False
        self._shown_at = self._start
        self._held_back = ""
        self._write(label.plain)

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()

    def _break(self) -> None:
        if not self._broken:
            self._write("\n")
            self._broken = True

    def note(self, message: str, *, always: bool = False) -> None:
        interval = EPOCH_INTERVAL_SECONDS if "epoch " in message else NOTE_INTERVAL_SECONDS
        now = self._clock()
        if not always and now - self._shown_at < interval:
            self._held_back = message
            return
        self._shown_at = now
        self._held_back = ""
        self._break()
        self._write(f"{INDENT}{message}\n")

    def show(self, text: Text) -> None:
        self._break()
        self._write(f"{text.plain}\n")

    def finish(self, label: Text, outcome: Text) -> None:
        if self._broken and self._held_back:
            self._write(f"{INDENT}{self._held_back}\n")
        self._write(f"{label.plain if self._broken else ''}{outcome.plain}\n")

    def close(self) -> None:
        self._break()
