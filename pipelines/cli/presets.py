"""`recommender presets`: which presets there are."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.config import PRESETS, preset_names


@click.command()
@click.option("--show", "shown", type=click.Choice(preset_names()), help="Print the file of this preset instead.")
def presets(shown: str | None) -> None:
    """List the presets: command, expected time and expected metrics of each.

    A copy of one (--show NAME > mine.toml) is a start for a preset of your own: recommender run --preset mine.toml.
    """
    if shown is not None:
        click.echo((PRESETS / f"{shown}.toml").read_text(encoding="utf-8"), nl=False)
        return
    for name in preset_names():
        click.echo(click.style(name, bold=True))
        for line in head_comment(PRESETS / f"{name}.toml"):
            click.echo(f"  {line}".rstrip())
        click.echo()


def head_comment(path: Path) -> list[str]:
    """The comment lines at the top of a preset, without their marks."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return lines
