"""Writes a configuration as a preset that `recommender run --preset FILE` takes."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.errors import InputError
from components.ranking.architectures import find_architecture
from components.ranking.config import RankingConfig
from components.settings import to_mapping
from pipelines.config import PipelineConfig, load


def preset_text(config: PipelineConfig, comment: Sequence[str] = ()) -> str:
    """The preset in TOML: every setting that is not the default, under a comment of some lines."""
    own = find_architecture(config.ranking.architecture).defaults
    ranking = RankingConfig(architecture=config.ranking.architecture, **own)  # type: ignore[arg-type]
    default = to_mapping(dataclasses.replace(PipelineConfig(), ranking=ranking))
    default["ranking"]["architecture"] = RankingConfig().architecture
    lines = [f"# {line}".rstrip() for line in comment]
    for section, values in to_mapping(config).items():
        changed = {key: value for key, value in values.items() if value != default[section][key]}
        if changed:
            lines += ["", f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in changed.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def write_preset(path: Path, config: PipelineConfig, comment: Sequence[str] = ()) -> None:
    """Writes the preset, whole or not at all, after it was read back as the same configuration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".toml", dir=path.parent)
    written = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(preset_text(config, comment))
        if load(str(written)) != config:
            raise AssertionError(f"the preset {path} would not be read back as what was written")
        written.chmod(0o644)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def check_output(path: Path) -> None:
    """Raises an InputError where a preset cannot be written, before hours are spent on what goes into it."""
    if path.suffix != ".toml":
        raise InputError(
            f"the preset file {path} has a name that --preset does not take for a file",
            expected="a name that ends in .toml",
            received=str(path),
            action="name another one with --output",
        )
    if path.is_dir():
        raise InputError(
            f"the preset file {path} is a folder",
            expected="a file, or a path where one can be made",
            received=str(path),
            action="name another one with --output",
        )
    existing = next(parent for parent in path.absolute().parents if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(
            f"the preset file {path} cannot be written",
            expected="a path in a folder in which you may write",
            received=str(existing),
            action="name another one with --output",
        )


def _toml(value: Any) -> str:
    """A value of a setting: text, number, truth value, or a list or table of those."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # a TOML basic string escapes as JSON does
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return '"none"'  # settings.from_mapping reads it so
    return repr(value)
