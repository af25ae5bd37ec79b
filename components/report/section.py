"""A section of the page, filled into its template."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from components.evaluation.metric_kinds import label_of
from components.progress import duration
from components.report import numbers

TEMPLATES = Path(__file__).parent / "templates"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page.

    Attributes:
      name: Its anchor.
      title: Its heading.
      body: Its content.
    """

    name: str
    title: str
    body: Markup


def section(name: str, title: str, **values: Any) -> Section:
    """Fills the template `<name>.html.j2`; everything in `values` that is no Markup is escaped."""
    return Section(name=name, title=title, body=filled(f"{name}.html.j2", **values))


def filled(template: str, **values: Any) -> Markup:
    """The template with its values."""
    return Markup(_environment().get_template(template).render(**values))


def source(name: str) -> str:
    """A file beside the templates, as it is."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=numbers.count,
        figure=numbers.figure,
        signed=numbers.signed,
        percent=numbers.percent,
        stars=numbers.stars,
        day=numbers.day,
        duration=duration,
        metric=label_of,
    )
    return environment
