"""`recommender run`: trains, evaluates and pushes.

Progress goes to stderr and results to stdout.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from components import own_process
from components.beam import engines, job_server
from components.causes import cause_of
from components.errors import InputError
from components.feature_specs import feature_overrides
from components.ingestion.config import DataConfig
from components.ingestion.sources import find_source
from components.progress import LOGGER
from components.training.config import FINAL_FITS
from pipelines.cli.consoles import console_for
from pipelines.cli.data_options import PRESET_HELP, data_options
from pipelines.cli.exit_codes import FAILURE, INTERRUPTED, NOT_BLESSED, OK, USAGE
from pipelines.cli.option_types import comma_separated
from pipelines.cli.paths import describe
from pipelines.config import PipelineConfig, load
from pipelines.local_run import run_folder
from pipelines.terminal.quiet import quiet
from pipelines.terminal.stage_lines import StageLines

REFRESH = ("training.warm_start=true", "training.warm_epochs=0")


@click.command()
@click.option("--preset", help=PRESET_HELP)
@click.option("--output", help="Folder of the run.  [default: runs/PRESET]")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting; repeatable.")
@data_options
@click.option(
    "--final-fit",
    type=click.Choice(FINAL_FITS),
    help="What is retrained once eval has chosen the number of epochs (--set training.final_fit).  [default: auto: "
    "all, or train_eval for presplit data]",
)
@click.option(
    "--with-batch-scores",
    is_flag=True,
    help="Score every known user with the pushed version (--set batch_scores.enabled=true).",
)
@click.option(
    "--beam-pipeline-args",
    multiple=True,
    metavar="OPTIONS",
    help="Beam's own options for the Beam stages, such as --runner=FlinkRunner; repeatable.  [default: in memory]",
)
@click.option("--require-blessing", is_flag=True, help="Exit with 3 when the new bundle is not blessed.")
@click.option("--no-cache", is_flag=True, help="Compute every stage anew.")
@click.option("--verbose", is_flag=True, help="Show the libraries' own logs, and the traceback of a failure.")
def run(
    preset: str | None,
    output: str | None,
    overrides: tuple[str, ...],
    final_fit: str | None,
    with_batch_scores: bool,
    beam_pipeline_args: tuple[str, ...],
    require_blessing: bool,
    no_cache: bool,
    verbose: bool,
    **data_options: Any,
) -> int:
    """Train, evaluate and push a recommender.

    Running the same command again reuses every stage whose data and settings are unchanged; after an
    interruption it continues where it stopped.

    Exit codes: 0 the run ended well, blessed or not; 1 a stage failed (a version that was pushed before it stays
    pushed, and is named); 2 the command, a setting or the
    data cannot be used; 3 not blessed, with --require-blessing; 130 interrupted.
    """
    preset = preset or ("auto" if data_options["ratings"] else "demo")
    flags = {f"training.final_fit={final_fit}": final_fit is not None, "batch_scores.enabled=true": with_batch_scores}
    overrides = (*overrides, *(setting for setting, given in flags.items() if given))
    config = configure(preset, overrides, **data_options)
    beam = engines.parse(beam_pipeline_args)
    engines.check(engines.resolve(beam))
    folder = run_folder.prepare(output or Path("runs") / Path(preset).stem)
    config = with_kept_rows(config, folder)
    beam = engines.named(beam, run_folder.name_of(folder)) if engines.flink_master(beam) else beam
    with run_folder.locked(folder), streams(folder, verbose) as (results, progress):
        return _run(config, folder, preset, beam, results, progress, not no_cache, require_blessing, verbose)


def _refresh(context: click.Context, overrides: tuple[str, ...], **options: Any) -> Any:
    return context.invoke(run, overrides=(*overrides, *REFRESH), **options)


refresh = click.Command(
    "refresh",
    params=run.params,
    callback=click.pass_context(_refresh),
    help="""Put new data into the served model without training it.

    New and changed items, features, users, histories and popularity go into a new version of what is served. Its
    weights stay the same (those that were judged); what has no weights of its own, such as a new item, is represented
    by its features. Index, bundle, gates, push and the options are those of `recommender run`.
    """,
)


def configure(
    preset: str,
    overrides: tuple[str, ...] = (),
    *,
    ratings: str | None = None,
    span: str | None = None,
    items: str | None = None,
    users: str | None = None,
    eval_ratings: str | None = None,
    test_ratings: str | None = None,
    columns: tuple[str, ...] = (),
    item_columns: tuple[str, ...] = (),
    events: tuple[str, ...] = (),
    features: tuple[str, ...] = (),
    data_dir: str | None = None,
    manual_dir: str | None = None,
) -> PipelineConfig:
    """The configuration that the command line asks for: a preset, own data in place of its data, and `--set`.

    Raises:
      InputError: Options that do not go together, or what `pipelines.config.load` refuses.
    """
    if (eval_ratings is None) != (test_ratings is None):
        given = "--eval-ratings" if eval_ratings else "--test-ratings"
        raise InputError(
            "data that is split already needs both of its held-out parts",
            expected="--ratings, --eval-ratings and --test-ratings together",
            received=f"{given} alone",
            action="give the other one too, or leave both out and let the pipeline split",
        )
    own: dict[str, Any] = {
        "ratings": ratings,
        "span": span,
        "items": items,
        "users": users,
        "eval_ratings": eval_ratings,
        "test_ratings": test_ratings,
        "columns": columns or None,
        "item_columns": item_columns or None,
        "events": event_weights(events) or None,
    }
    own = {key: value for key, value in own.items() if value is not None}
    if ratings is not None:
        own["source"] = "files"
    elif own and not find_source(load(preset, overrides).data.source).is_own:
        raise InputError(
            "options for your own data were given without the data",
            expected="--ratings beside them",
            received=", ".join(f"--{key.replace('_', '-')}" for key in own),
            action="add --ratings FILE, or leave the others out",
        )
    overrides = (*overrides, *feature_overrides(features))
    if eval_ratings is not None:
        overrides = (*overrides, "split.kind=presplit")
    if data_dir is not None:
        own["data_dir"] = str(Path(data_dir).expanduser().absolute())
    if manual_dir is not None:
        own["manual_dir"] = manual_dir
    config = load(preset, overrides, own)
    check_archive(config.data)
    return config


def with_kept_rows(config: PipelineConfig, folder: run_folder.RunFolder) -> PipelineConfig:
    """The configuration in which a run that reads spans keeps their rows in its folder, unless it says where."""
    if not config.data.span or config.data.kept_rows:
        return config
    return dataclasses.replace(config, data=dataclasses.replace(config.data, kept_rows=str(folder.kept_rows)))


def event_weights(entries: tuple[str, ...]) -> dict[str, float]:
    """Weights by kind of interaction, from `KIND=WEIGHT` entries.

    Raises:
      InputError: An entry of another form.
    """
    weights = {}
    for entry in comma_separated(entries):
        kind, equals, weight = entry.rpartition("=")
        try:
            weights[kind.strip()] = float(weight)
        except ValueError:
            equals = ""
        if not equals or not kind.strip():
            raise InputError(
                f"cannot use the event `{entry}`", expected="KIND=WEIGHT, for instance purchase=4", received=entry
            )
    return weights


def check_archive(data: DataConfig) -> None:
    """Checks that a folder named for the MovieLens archive holds it: minutes of trying to download it end no better.

    Raises:
      InputError: It does not.
    """
    if data.source != "movielens" or not data.manual_dir:
        return
    archive = Path(data.manual_dir).absolute() / f"ml-{data.dataset}.zip"
    if not archive.is_file():
        raise InputError(
            f"the folder {archive.parent} does not hold the archive of MovieLens {data.dataset}",
            expected=str(archive),
            received=describe(archive.parent),
            action="download it from https://grouplens.org/datasets/movielens/ and put it there without unpacking it",
        )


@contextlib.contextmanager
def streams(folder: run_folder.RunFolder, verbose: bool) -> Iterator[tuple[Console, Console]]:
    """Consoles for results and progress; the libraries' talk goes into the run's folder unless it is wanted."""
    if verbose:
        yield console_for(sys.stdout), console_for(sys.stderr)
        return
    with quiet(folder.library_log) as (out, err):
        yield console_for(out), console_for(err)


def _run(
    config: PipelineConfig,
    folder: run_folder.RunFolder,
    preset: str,
    beam: Sequence[str],
    results: Console,
    progress: Console,
    cache: bool,
    require_blessing: bool,
    verbose: bool,
) -> int:
    from pipelines.local_run.run import RunFailedError, execute, open_recommender
    from pipelines.terminal.summary_lines import print_failure, print_interruption, print_push, print_summary

    try:
        with StageLines(progress) as view, engines.nothing_left(beam), job_server.shared(beam) as arguments:
            opener = functools.partial(open_recommender, beam_pipeline_args=arguments)
            own_processes = own_process.are_possible()  # not where a job server of our own is spoken to
            summary = execute(
                config, folder, view, preset=preset, cache=cache, own_processes=own_processes, open_pipeline=opener
            )
            view.preparing("Asking the bundle for three users")
            samples = _samples(summary.bundle)
    except RunFailedError as error:
        print_failure(
            progress, error.failure, traceback_of=error.__cause__ if verbose else None, ran=error.push is not None
        )
        if error.push is not None and error.push.pushed:
            print_push(results, error.push)
        return USAGE if error.curable else FAILURE
    except KeyboardInterrupt:
        print_interruption(progress, folder)
        return INTERRUPTED
    print_summary(results, summary, samples, folder)
    refused = summary.evaluation is None or not summary.evaluation.blessed
    return NOT_BLESSED if require_blessing and refused else OK


def _samples(bundle: str | None) -> list[Any]:
    """Lists to look at; a run that has pushed does not fail because they cannot be shown."""
    from pipelines.terminal.samples import sample_users

    try:
        return sample_users(bundle) if bundle else []
    except Exception as error:
        LOGGER.warning("no example users: the bundle could not be asked: %s", cause_of(error))
        return []
