"""`recommender presets`: which presets there are."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.config import PRESETS, preset_names


@click.command()
def presets() -> None:
    """List the presets: command, expected time and expected metrics of each."""
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
