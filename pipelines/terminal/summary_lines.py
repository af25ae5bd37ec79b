"""What a run prints at its end, for a person: figures, verdict, push, and a few lists to look at."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.evaluation.metric_kinds import RATINGS, label_of, metric_of
from components.evaluation.results import Figure
from components.features import ITEM_POPULARITY, ITEM_POPULARITY_BUCKETS, REQUEST_HISTORY
from components.progress import duration
from pipelines.local_run.run_folder import RunFolder
from pipelines.local_run.summary import EvaluationSummary, Failure, PushSummary, Summary
from pipelines.terminal.samples import UserSample

LEAST_COLD = 10
"""New people, or test rows of new items, below which their figures say nothing and are not printed."""
RECALL = re.compile(r"recall_at_\d+")


def print_summary(console: Console, summary: Summary, samples: Sequence[UserSample], folder: RunFolder) -> None:
    """Prints the end of a run that went well."""
    console.print()
    if summary.evaluation is not None:
        console.print(metrics_table(summary.evaluation))
        cold = cold_start_table(summary.evaluation)
        if cold is not None:
            console.print(cold)
        if summary.data is not None and summary.data.refit:
            line(console, "Models and baselines were fit on train + eval; the eval rows had chosen the epochs before.")
        print_verdict(console, summary.evaluation)
    if summary.push is not None:
        print_push(console, summary.push)
    if summary.batch_scores is not None:
        scores = summary.batch_scores
        line(console, f"Batch scores: {scores.rows:,} rows for {scores.users:,} users: {scores.path}")
    for sample in samples:
        print_sample(console, sample)
    console.print()
    if summary.everything_cached:
        line(
            console,
            Text(
                "Everything came from the cache: data and settings are those of an earlier run. "
                "Nothing was computed or judged anew, and nothing was pushed.",
                "yellow",
            ),
        )
    if summary.training:
        line(console, f"Training curves: tensorboard --logdir {folder.artifacts}")
    line(console, f"{duration(summary.seconds or 0.0)} in all. Everything about this run: {folder.summary}")
    if summary.report is not None:
        line(console, f"To be read: {summary.report}")


def metrics_table(evaluation: EvaluationSummary) -> Table:
    """The bundle's metrics on the test rows beside those of its peers and, where one was served, of that version."""
    served = evaluation.served_version is not None
    peer = any(figure.peer is not None for figure in evaluation.metrics.values())
    table = Table(title="On the test rows", title_justify="left", title_style="bold")
    table.add_column("metric")
    headings = ["this bundle", "baseline", *([evaluation.peer] if peer else [])]
    for heading in (*headings, *([f"served version {evaluation.served_version}"] if served else [])):
        table.add_column(heading, justify="right")
    table.add_column("the baseline is")
    for name, figure in evaluation.metrics.items():
        if figure.model is None or figure.baseline is None:
            continue
        cells: list[Text | str] = [
            label_of(name),
            Text(_number(name, figure.model), _colour(name, figure)),
            _number(name, figure.baseline),
        ]
        cells += [_number(name, figure.peer)] if peer else []
        cells += [_number(name, figure.served)] if served else []
        table.add_row(*cells, _baseline_name(name, figure))
    return table


def cold_start_table(evaluation: EvaluationSummary) -> Table | None:
    """Recall and RMSE of items and of people that nothing was trained on; None where the test rows have too few."""
    people = sorted(
        (one for one in evaluation.slices if one.feature == REQUEST_HISTORY), key=lambda one: int(one.value)
    )
    items = [
        one
        for one in evaluation.slices
        if one.feature == ITEM_POPULARITY and one.value == ITEM_POPULARITY_BUCKETS[0][0]
    ]
    table = Table(title="New people and new items", title_justify="left", title_style="bold")
    table.add_column("of the test rows")
    for heading in ("count", "metric", "this bundle", "baseline", "difference or ratio, 95 %"):
        table.add_column(heading, justify="right")
    for one in people:
        recall = next((name for name in one.metrics if RECALL.fullmatch(name)), None)
        label = f"new people, {one.value} interactions known"
        if recall is not None:
            _add_cold(table, label, one.metrics, "users", recall, f"{recall}_minus_popularity")
        _add_cold(table, label, one.metrics, "rows", "rmse", "rmse_ratio")
    for one in items:
        _add_cold(table, "items without training rows", one.metrics, "rows", "rmse", "rmse_ratio")
    return table if table.row_count else None


def _add_cold(
    table: Table, label: str, metrics: Mapping[str, Figure], count: str, metric: str, comparison: str
) -> None:
    figure, compared, counted = (metrics.get(name) for name in (metric, comparison, count))
    if figure is None or figure.model is None or counted is None or (counted.model or 0) < LEAST_COLD:
        return
    interval = "–"
    if compared is not None and compared.model is not None:
        ends = (compared.lower, compared.upper)
        interval = f"{compared.model:.4f}" + ("" if None in ends else f" ({ends[0]:.4f} to {ends[1]:.4f})")
    table.add_row(
        label,
        f"{counted.model:,.0f} {count}",
        label_of(metric),
        _number(metric, figure.model),
        _number(metric, figure.baseline),
        interval,
    )


def print_verdict(console: Console, evaluation: EvaluationSummary) -> None:
    """Says whether the bundle is blessed, and each gate's reason; loud when it is refused."""
    if not evaluation.judged_anew:
        line(console, "The verdict of an earlier run, from the cache:")
    if evaluation.blessed:
        console.print(Text("BLESSED", "bold green"), Text("the bundle may be served", "green"))
    else:
        console.print(
            Text(" NOT BLESSED ", "bold white on red"), Text("the bundle is refused and will not be served", "bold red")
        )
    for gate in evaluation.gates:
        mark = Text("  passed  ", "green") if gate.passed else Text("  REFUSED ", "bold red")
        line(console, mark + Text(gate.reason))


def print_push(console: Console, push: PushSummary) -> None:
    """Says where the bundle was pushed, or why nothing was."""
    if push.pushed:
        line(console, Text("Pushed: ", "bold green") + Text(f"version {push.version} in {push.path}"))
        return
    served = f"version {push.served_version} stays" if push.served_version is not None else "nothing is served"
    line(console, Text("Nothing pushed: ", "bold yellow") + Text(f"{push.reason} ({served})"))


def print_sample(console: Console, sample: UserSample) -> None:
    """Prints what the user rated highest, or watched last, and what the bundle answers."""
    known = ", ".join(f"{title} ({rating:g} ★)" if rating else title for title, rating in sample.liked)
    verb = "rated highest" if any(rating for _, rating in sample.liked) else "watched last"
    console.print()
    line(console, Text(f"User {sample.user_id}", "bold") + Text(f" {verb}: {known}"))
    table = Table(box=None)
    table.add_column("", justify="right")
    table.add_column("recommended")
    table.add_column("score", justify="right")
    table.add_column("predicted", justify="right")
    for position, item in enumerate(sample.items, start=1):
        table.add_row(str(position), Text(item.title), f"{item.score:.3f}", stars_text(item.predicted_rating))
    console.print(table)


def print_failure(
    console: Console, failure: Failure, traceback_of: BaseException | None = None, *, ran: bool = False
) -> None:
    """Says which stage failed and why, and where the traceback lies; `ran`: stages had ended well before."""
    if traceback_of is not None:
        console.file.write("".join(traceback.format_exception(traceback_of)))
    where = (
        f"{failure.component} failed" if failure.component else "the run failed" if ran else "the run could not start"
    )
    line(console, Text("error: ", "bold red") + Text(f"{where}: {failure.message}"))
    if failure.error_log is not None:
        line(console, Text(f"  the whole traceback: {failure.error_log}"))
        line(
            console,
            Text("  what to do: mend the cause and run the same command again; finished stages are not repeated"),
        )


def print_interruption(console: Console, folder: RunFolder) -> None:
    """Says that nothing is lost."""
    line(
        console,
        Text("interrupted: ", "bold yellow")
        + Text(f"finished stages are kept in {folder.path}; the same command goes on from there"),
    )


def line(console: Console, text: Text | str) -> None:
    """Prints a line as it is: paths stay whole, so that they can be copied."""
    console.print(text, soft_wrap=True, highlight=False, markup=False)


def stars_text(rating: float) -> str:
    """A predicted rating, or a dash where the bundle predicts none (0)."""
    return f"{rating:.1f} ★" if rating else "–"


def _number(name: str, value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _colour(name: str, figure: Figure) -> str:
    metric = metric_of(name)
    if figure.model is None or figure.baseline is None or metric is None or metric.higher_is_better is None:
        return ""
    return "green" if (figure.model > figure.baseline) == metric.higher_is_better else "red"


def _baseline_name(name: str, figure: Figure) -> str:
    if figure.baseline is None:
        return ""
    metric = metric_of(name)
    return "user + item means" if metric is not None and metric.of == RATINGS else "popularity"
