"""Writes docs/cli.md from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from pipelines.cli.main import cli

TARGET = Path(__file__).parents[1] / "docs" / "cli.md"
HEAD = """# Commands

Every command and option of `recommender`, as `--help` tells them. This page is written by `tools/write_cli_docs.py`
from the code; a test holds the two together. The settings behind `--set` stand in [configuration](configuration.md).

Exit codes: 0 all went well; 1 a stage or a check failed; 2 the command, a setting or the data cannot be used;
3 not blessed (`recommender run --require-blessing`); 4 something is too far (`recommender watch`); 130 interrupted.
"""


def render() -> str:
    """The whole page."""
    sections = [section for name in sorted(cli.commands) for section in _sections(cli.commands[name], "recommender")]
    return "\n\n".join([HEAD.rstrip(), *sections]) + "\n"


def _sections(command: click.Command, path: str) -> Iterator[str]:
    """A section of the command, and one of each command below it."""
    path = f"{path} {command.name}"
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    parts = [f"## {path}", _text(command.help or ""), f"```\n{usage}\n```"]
    records = [option.get_help_record(context) for option in command.params]
    rows = [f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in filter(None, records)]
    if rows:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    yield "\n\n".join(parts)
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _sections(command.commands[name], path)


def _text(text: str) -> str:
    """The paragraphs of a docstring, each on a line; those that are laid out by hand as they are."""
    paragraphs = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b\n"):
            paragraphs.append("```\n" + paragraph.removeprefix("\b\n") + "\n```")
        else:
            paragraphs.append(" ".join(paragraph.split()))
    return "\n\n".join(paragraphs)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
