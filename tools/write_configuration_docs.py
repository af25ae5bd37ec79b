"""Writes docs/configuration.md from the dataclasses of the configuration."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

from components.ranking.architectures import ARCHITECTURES
from components.ranking.config import RankingConfig
from pipelines.config import PipelineConfig, preset_names

TARGET = Path(__file__).parents[1] / "docs" / "configuration.md"
HEAD = """# Configuration

A preset is a TOML file with the sections below; `recommender run --preset NAME` takes one of the project's
(`recommender presets`) or the path of your own file. What a preset does not say has the default of this page.
`--set section.key=value` overrides one value, as often as you like:

```
recommender run --preset demo --set retrieval.epochs=20 --set retrieval.half_lives=0,2,8
```

An unknown key is an error that lists the valid ones. Lists are written `[0.0, 1.0]` in TOML and `0,1` on the
command line. This page is written by `tools/write_configuration_docs.py` from the code; a test holds the two together.

Presets: {presets}.
"""


def render() -> str:
    """The whole page."""
    parts = [HEAD.format(presets=", ".join(f"`{name}`" for name in preset_names()))]
    for section in dataclasses.fields(PipelineConfig):
        cls = type(section.default)
        summary, attributes = _docstring(cls)
        parts.append(f"## {section.name}\n\n{summary}\n\n| key | default | meaning |\n|---|---|---|")
        for field in dataclasses.fields(cls):
            parts.append(f"| `{section.name}.{field.name}` | {_value(_default(field))} | {attributes[field.name]} |")
        if cls is RankingConfig:
            parts += ["", *_architectures()]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _architectures() -> list[str]:
    """The table of the architectures, and how to name one's own."""
    lines = ["| architecture | is | starts from |", "|---|---|---|"]
    for name, one in ARCHITECTURES.items():
        own = ", ".join(f"{key} {value:g}" for key, value in one.defaults.items())
        lines.append(f"| `{name}` | {one.meaning} | {own or 'the defaults above'} |")
    example = "[an example](extending.md#a-rating-model)"
    return [*lines, "", f"One of your own: `--set ranking.architecture=shop.rating:FLAT` ({example})."]


def _docstring(cls: type) -> tuple[str, dict[str, str]]:
    summary, _, attributes = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes:\n")
    found: dict[str, str] = {}
    for match in re.finditer(r"^  (\w+): (.*?)(?=^  \w+: |\Z)", attributes, re.MULTILINE | re.DOTALL):
        found[match[1]] = " ".join(match[2].split()).replace("|", "\\|")
    return " ".join(summary.split()), found


def _default(field: Any) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _value(default: object) -> str:
    if isinstance(default, tuple):
        return "`" + ",".join(str(item) for item in default) + "`" if default else "empty"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default not in ("", {}) else "empty"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
