"""`recommender tune`: searches settings of a model on the eval split, and writes the best as a preset.

Progress goes to stderr and results to stdout.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from components.errors import InputError
from components.settings import to_mapping
from components.training.config import MULTI_WORKER
from pipelines.cli.data_options import PRESET_HELP, data_options
from pipelines.cli.exit_codes import FAILURE, INTERRUPTED, OK, USAGE
from pipelines.cli.option_types import WholeNumber, comma_separated
from pipelines.cli.run import configure, streams
from pipelines.config import PipelineConfig
from pipelines.local_run import run_folder
from pipelines.terminal.stage_lines import StageLines
from pipelines.tuning.search_space import MODELS, check_names

if TYPE_CHECKING:
    from pipelines.tuning.study import Search, Trial

STORAGE = "tuning.sqlite"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What the command line says beside the configuration.

    Attributes:
      preset: As it was named.
      model: Whose settings are searched.
      trials: Trials in all.
      names: Settings to search; empty: all.
      seeds: Trainings a trial.
      seed: Of the sampler.
      output: The preset to write.
    """

    preset: str
    model: str
    trials: int
    names: tuple[str, ...]
    seeds: int
    seed: int
    output: Path


@click.command()
@click.option("--trials", required=True, type=WholeNumber(1), help="Trials in all, including those of earlier calls.")
@click.option("--model", type=click.Choice(MODELS), default=MODELS[0], show_default=True, help="Which model to tune.")
@click.option("--preset", help=PRESET_HELP)
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting; repeatable.")
@data_options
@click.option(
    "--parameters",
    multiple=True,
    metavar="NAME,…",
    help="Search these settings only, such as retrieval.l2,retrieval.learning_rate.  [default: see docs/tuning.md]",
)
@click.option("--epochs", type=WholeNumber(1), help="Maximum epochs per trial.  [default: the preset's]")
@click.option(
    "--seeds", type=WholeNumber(1), default=1, show_default=True, help="Trainings per trial; their mean is judged."
)
@click.option("--seed", type=WholeNumber(0), default=1, show_default=True, help="Seed of the search.")
@click.option("--run-folder", help="Folder of the run whose data stages are used.  [default: runs/PRESET]")
@click.option("--output", metavar="FILE.toml", help="Preset to write.  [default: RUN-FOLDER/tuned-MODEL.toml]")
@click.option("--verbose", is_flag=True, help="Show the libraries' own logs, and the traceback of a failure.")
def tune(
    trials: int,
    model: str,
    preset: str | None,
    overrides: tuple[str, ...],
    parameters: tuple[str, ...],
    epochs: int | None,
    seeds: int,
    seed: int,
    output: str | None,
    verbose: bool,
    **options: Any,
) -> int:
    """Search for better settings of a model, judged on the eval split.

    Trial 0 has the preset's own settings. The same command continues a search that was stopped and,
    with more --trials, one that has ended. The best settings become a preset for
    `recommender run --preset FILE`; the test rows are never looked at.

    Exit codes: 0 the search ended well; 1 it failed; 2 the command, a setting or the data cannot be
    used; 130 interrupted.
    """
    _require_optuna()
    chosen = options.pop("run_folder")
    preset = preset or ("auto" if options["ratings"] else "demo")
    config = configure(preset, overrides, **options)
    names = comma_separated(parameters)
    check_names(names, model)
    _require_one_worker(config)
    path = Path(chosen or Path("runs") / Path(preset).stem)
    target = Path(output).expanduser().absolute() if output else path.absolute() / f"tuned-{model}.toml"
    from pipelines.tuning.preset_file import check_output

    check_output(target)
    folder = run_folder.prepare(path)
    asked = TuneOptions(preset=preset, model=model, trials=trials, names=names, seeds=seeds, seed=seed, output=target)
    with run_folder.locked(folder), streams(folder, verbose) as (results, progress):
        return _tune(config, epochs, folder, asked, results, progress, verbose)


def _tune(
    config: PipelineConfig,
    epochs: int | None,
    folder: run_folder.RunFolder,
    asked: TuneOptions,
    results: Console,
    progress: Console,
    verbose: bool,
) -> int:
    from pipelines.terminal.summary_lines import line, print_failure

    try:
        _search(config, epochs, folder, asked, results, progress)
    except KeyboardInterrupt:
        line(
            progress,
            f"interrupted: finished trials are kept in {folder.path / STORAGE}; run the same command to continue",
        )
        return INTERRUPTED
    except Exception as error:
        from pipelines.local_run.run import describe_failure, input_error_of

        failure = describe_failure(error, folder)
        print_failure(progress, failure, traceback_of=error if verbose else None)
        return USAGE if input_error_of(error) is not None else FAILURE
    return OK


def _search(
    config: PipelineConfig,
    epochs: int | None,
    folder: run_folder.RunFolder,
    asked: TuneOptions,
    results: Console,
    progress: Console,
) -> None:
    with StageLines(progress) as view:
        view.preparing("Loading TensorFlow and TFX")
        from pipelines.tuning.data_stages import prepare
        from pipelines.tuning.printout import TrialLines
        from pipelines.tuning.search_space import searched
        from pipelines.tuning.study import Search, SearchSettings
        from pipelines.tuning.trials import TRIALS

        data = prepare(config, folder, view, asked.model)
    section = getattr(config, asked.model)
    shortened = dataclasses.replace(section, epochs=epochs or section.epochs)
    trial_config = dataclasses.replace(config, **{asked.model: shortened})
    trials = TRIALS[asked.model](trial_config, data.files)
    config, trial_config = trials.settled(config), trials.settled(trial_config)
    search = Search(
        trial_config,
        trials,
        searched(asked.model, trials.traits, asked.names),
        SearchSettings(trials=asked.trials, seeds=asked.seeds, seed=asked.seed),
        folder.path / STORAGE,
        identity={"data": data.fingerprint, **_of_the_data(config)},
    )
    before = search.ended()
    if before:
        progress.print(f"Going on after {len(before)} trials of an earlier call", style="dim", highlight=False)
    lines = TrialLines(progress, trials.metric, asked.trials, higher_is_better=trials.higher_is_better, before=before)
    try:
        search.run(lines.ended, lines.epoch)
    finally:
        lines.close()
    _conclude(config, search, asked, results, trials.metric, trials.higher_is_better)


def _conclude(
    config: PipelineConfig,
    search: Search,
    asked: TuneOptions,
    results: Console,
    metric: str,
    higher_is_better: bool,
) -> None:
    from pipelines.terminal.summary_lines import line
    from pipelines.tuning import printout
    from pipelines.tuning.preset_file import write_preset
    from pipelines.tuning.study import with_values

    ended, best = search.ended(), search.best()
    results.print()
    results.print(printout.trial_table(ended, metric, higher_is_better=higher_is_better))
    results.print(printout.parameter_table(search.parameters, search.own, best, search.importances()))
    line(results, f"{printout.counted(ended)}; {metric} of the eval split, the test rows were not looked at")
    if best is None:
        raise InputError(
            "no trial was trained to its end, so there is no preset to write",
            expected="at least one",
            received=printout.counted(ended),
            action="search smaller learning rates: choose another start with --set, or other --parameters",
        )
    write_preset(asked.output, with_values(config, best.values), _comment(asked, best, ended, metric))
    if best.number == 0:
        line(results, "No trial was better than the preset's own settings, which were written as they are.")
    line(results, f"Written: {asked.output}")
    line(results, f"to train with it: recommender run --preset {asked.output}")


def _comment(asked: TuneOptions, best: Trial, ended: list[Trial], metric: str) -> list[str]:
    preset = next((trial.value for trial in ended if trial.number == 0), None)
    own = "diverged" if preset is None else f"{preset:.4f}"
    return [
        f"Settings of {asked.model} found by `recommender tune --preset {asked.preset} --model {asked.model}`.",
        f"{metric} of the eval split: {best.value:.4f} (trial {best.number} of {len(ended)}), the preset's own {own}.",
        "The eval rows chose them, so this is not what the test rows will show.",
        "",
        f"command:  recommender run --preset {asked.output}",
    ]


def _of_the_data(config: PipelineConfig) -> dict[str, Any]:
    """What decides which rows a trial is trained and judged on, and what is known of them."""
    mapping = to_mapping(config)
    return {name: mapping[name] for name in ("split", "features")}


def _require_optuna() -> None:
    if importlib.util.find_spec("optuna") is None:
        raise InputError(
            "Optuna is not installed, and it does the search",
            expected="the extra `tune`",
            action="run `make setup`, or `pip install 'tfx-recommenders[tune]'`",
        )


def _require_one_worker(config: PipelineConfig) -> None:
    if config.training.strategy == MULTI_WORKER:
        raise InputError(
            "trials are trained in this process, so several machines cannot share one",
            expected="training.strategy none or mirrored",
            received=config.training.strategy,
            action="add --set training.strategy=none",
        )
