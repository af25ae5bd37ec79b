"""The command `recommender`. Heavy libraries are imported inside the commands that need them.

Exit codes: 0 all went well · 1 a stage or a check failed · 2 the command, a setting or the data cannot
be used · 3 not blessed (`run --require-blessing`) · 4 something is too far (`watch`) · 130 interrupted.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from components.causes import cause_of
from components.errors import InputError
from pipelines.cli.compile import compile_group
from pipelines.cli.demo_data import demo_data
from pipelines.cli.doctor import doctor
from pipelines.cli.embeddings import embeddings
from pipelines.cli.events import events
from pipelines.cli.exit_codes import FAILURE, INTERRUPTED, OK, USAGE
from pipelines.cli.export import export
from pipelines.cli.features import features
from pipelines.cli.inspect import inspect
from pipelines.cli.predict import predict
from pipelines.cli.presets import presets
from pipelines.cli.query import query
from pipelines.cli.report import report
from pipelines.cli.run import refresh, run
from pipelines.cli.score import score
from pipelines.cli.serve import serve
from pipelines.cli.similar import similar
from pipelines.cli.submit import submit
from pipelines.cli.tune import tune
from pipelines.cli.watch import watch
from serving.missing_extra import MissingExtraError, needs_extra
from serving.scann_operations import MissingScannError

SERVING = ("serve", "events", "query", "similar", "predict")
"""Commands that the extra "serving" is enough for."""


class _Commands(click.Group):
    """A group that lists its commands with their whole first sentence, however narrow the terminal is."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(limit=1_000)) for name, command in sorted(self.commands.items())]
            )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tfx-recommenders", prog_name="recommender")
def cli() -> None:
    """Train, evaluate, push and query a two-stage recommender."""


for command in (
    run,
    refresh,
    inspect,
    features,
    tune,
    report,
    export,
    score,
    query,
    similar,
    embeddings,
    serve,
    events,
    predict,
    presets,
    doctor,
    demo_data,
    compile_group,
    submit,
    watch,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    command = next((word for word in given if not word.startswith("-")), "")
    try:
        with needs_extra(f"recommender {command}", "serving" if command in SERVING else "pipeline"):
            code = cli.main(args=arguments, prog_name="recommender", standalone_mode=False)
    except click.UsageError as error:
        _show(_usage_message(error))
        return USAGE
    except InputError as error:
        _show(str(error))
        return USAGE
    except (MissingExtraError, MissingScannError) as error:
        _show(str(error))
        return FAILURE
    except (KeyboardInterrupt, click.Abort):
        _show("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # `recommender … | head`
        sys.stderr.close()
        return OK
    except click.ClickException as error:
        _show(error.format_message())
        return FAILURE
    except Exception as error:
        _show(f"{cause_of(error)}\n  the whole traceback: {_traceback_file(error)}")
        return FAILURE
    return code if isinstance(code, int) else OK


def _usage_message(error: click.UsageError) -> str:
    command = error.ctx.command_path if error.ctx is not None else "recommender"
    return f"{error.format_message()}\n  what to do: see {command} --help"


def _traceback_file(error: Exception) -> str:
    """A person reads one line; who mends the error needs all of them."""
    with tempfile.NamedTemporaryFile("w", prefix="recommender-error-", suffix=".log", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    return file.name


def _show(message: str) -> None:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)


def _interrupt(signal_number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
