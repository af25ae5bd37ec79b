"""What a search shows: a line a trial while it is at work, and two tables at its end."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from components.progress import duration
from pipelines.terminal.summary_lines import line
from pipelines.tuning.parameters import SearchedSetting, Value
from pipelines.tuning.study import FINISHED, Trial

ROWS = 10
"""Best trials that the table shows."""


class TrialLines:
    """Shows each trial in one line; on a terminal also the running one with its latest epoch.

    Args:
      console: Where to.
      metric: What is judged.
      trials: How many there will be.
      higher_is_better: Whether the largest value is the best one.
      before: Trials of earlier sessions, whose best counts and whose times do not.
      now: The time of day.
    """

    def __init__(
        self,
        console: Console,
        metric: str,
        trials: int,
        *,
        higher_is_better: bool,
        before: Sequence[Trial] = (),
        now: Callable[[], datetime.datetime] = datetime.datetime.now,
    ) -> None:
        self._console = console
        self._metric = metric
        self._trials = trials
        self._sign = 1.0 if higher_is_better else -1.0
        self._now = now
        self._best: Trial | None = None
        self._seconds: list[float] = []
        self._status: Status | None = None
        for trial in before:
            self._take(trial)

    def epoch(self, number: int, epoch: int, best: float) -> None:
        """Shows how far the running trial is, where lines can be rewritten."""
        if not self._console.is_terminal:
            return
        said = f"trial {number}  epoch {epoch}  {self._metric} {decimals(best)}"
        if self._status is None:
            self._status = self._console.status(said)
            self._status.start()
        self._status.update(said)

    def ended(self, trial: Trial) -> None:
        """Shows a trial that has ended, what is best now, and when all of them will have ended."""
        self.close()
        self._take(trial)
        self._seconds.append(trial.seconds)
        best = "none yet" if self._best is None else f"{decimals(self._best.value)} (trial {self._best.number})"
        mean = sum(self._seconds) / len(self._seconds)
        left = (self._trials - trial.number - 1) * mean
        parts = [
            f"trial {trial.number:>{len(str(self._trials - 1))}} of {self._trials}",
            f"{self._metric} {decimals(trial.value)}  {trial.ended or f'epoch {trial.best_epoch}':9}",
            f"best {best}",
            f"{duration(trial.seconds)}, {duration(mean)} a trial",
        ]
        if left > 0:
            end = self._now() + datetime.timedelta(seconds=left)
            parts.append(f"ends about {end:%H:%M}" if left < 86_400 else f"ends about {end:%d %b %H:%M}")
        line(self._console, "  ".join(parts))

    def close(self) -> None:
        """Takes the rewritten line away."""
        if self._status is not None:
            with contextlib.suppress(Exception):
                self._status.stop()
            self._status = None

    def _take(self, trial: Trial) -> None:
        if trial.ended != FINISHED or trial.value is None:
            return
        if self._best is None or self._sign * trial.value > self._sign * (self._best.value or 0.0):
            self._best = trial


def parameter_table(
    parameters: Sequence[SearchedSetting],
    own: Mapping[str, Value],
    best: Trial | None,
    importances: Mapping[str, float],
) -> Table:
    """The parameters, the most important first: what was tried, the preset's own value and that of the best trial."""
    table = Table(title="The settings", title_justify="left", title_style="bold")
    for heading, justify in (("setting", "left"), ("tried", "left"), ("preset", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("best" if best is None else f"best, trial {best.number}", justify="right")
    table.add_column("importance", justify="right")
    for parameter in sorted(parameters, key=lambda one: -importances.get(one.name, -1.0)):
        table.add_row(
            parameter.name,
            parameter.searched(),
            value_text(own[parameter.name]),
            "–" if best is None else value_text(best.values[parameter.name]),
            f"{importances[parameter.name]:.2f}" if parameter.name in importances else "–",
        )
    return table


def trial_table(trials: Sequence[Trial], metric: str, *, higher_is_better: bool) -> Table:
    """The best trials, and the preset's own wherever it stands."""
    sign = -1.0 if higher_is_better else 1.0
    whole = sorted(
        (trial for trial in trials if trial.ended == FINISHED and trial.value is not None),
        key=lambda trial: sign * (trial.value or 0.0),
    )
    table = Table(title="The best trials", title_justify="left", title_style="bold")
    for heading in ("place", "trial", metric, "best epoch", "epochs", "time"):
        table.add_column(heading, justify="right")
    for place, trial in enumerate(whole, start=1):
        if place <= ROWS or trial.number == 0:
            table.add_row(
                str(place),
                f"{trial.number}" if trial.number else "0, the preset",
                decimals(trial.value),
                str(trial.best_epoch),
                str(trial.epochs),
                duration(trial.seconds),
            )
    return table


def counted(trials: Sequence[Trial]) -> str:
    """How the trials ended, in words."""
    parts = [f"{len(trials)} trials"]
    for how in ("pruned", "diverged"):
        count = sum(trial.ended == how for trial in trials)
        parts += [f"{count} {how}"] if count else []
    return ", ".join(parts)


def decimals(value: float | None) -> str:
    """A metric with four decimals."""
    return "–" if value is None else f"{value:.4f}"


def value_text(value: Value) -> Text:
    """A value of a setting for a cell."""
    return Text(f"{value:.6g}" if isinstance(value, float) else str(value))
