"""Features of items, of users and of the context of an interaction as data: what a person says of a column.

One FeatureSpec makes the schema, the parsing, the Transform, the inputs of both models, the slices of the evaluation,
the filters of the contract and its documentation; no feature has code of its own.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from typing import Annotated

from components.errors import InputError
from components.settings import Count, between, one_of, require, settings

ITEM, USER, CONTEXT = ENTITIES = ("item", "user", "context")

CATEGORY, CATEGORIES, NUMBER, TEXT, VECTOR, YEAR, NOTHING = _ENTITY_KINDS = (
    "category", "categories", "number", "text", "vector", "year", "none",
)  # fmt: skip
HOUR, WEEKDAY = "hour", "weekday"
KINDS = (*_ENTITY_KINDS, HOUR, WEEKDAY)
CONTEXT_KINDS = (CATEGORY, HOUR, WEEKDAY, NOTHING)
FILTERED = (CATEGORY, CATEGORIES)
"""Kinds by which lists are filtered and figures are sliced."""

TITLE, GENRES = "title", "genres"
STANDARD_COLUMNS = (TITLE, GENRES)
"""Columns of the catalogue that have roles of their own: they are found by their usual names."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = ("id", "activity", "popularity", "index")  # item_id and so on are names of something else


@settings("features")
class FeatureConfig:
    """What a person says of a column.

    Attributes:
      kind: `category` (one value a row), `categories` (several), `number`, `text` (its words), `vector` (a list of
        numbers), `year` (in brackets at the end of a text), or `none`: no feature. Of a context `category`, or
        `hour` and `weekday` of the timestamp (UTC).
      column: The column; empty: the one that is called like the feature.
      separator: categories: what parts them in a text; empty: found, one of | ; and the comma.
      min_rows: category, categories and text: interactions that a value needs to have a vector of its own.
      most: category, categories and text: most values with a vector of their own, the most frequent ones.
      buckets: number: how many buckets of about as many rows each; a missing number is a bucket of its own.
    """

    kind: Annotated[str, one_of(*KINDS)]
    column: str = ""
    separator: str = ""
    min_rows: Count = 1
    most: Count = 100_000
    buckets: Annotated[int, between(2, 1_000)] = 20


STANDARD = {
    GENRES: FeatureConfig(kind=CATEGORIES),
    "year": FeatureConfig(kind=YEAR, column=TITLE),
    TITLE: FeatureConfig(kind=TEXT, min_rows=3, most=5_000),
}
"""Features of an item that every run has whose catalogue has the column; `kind = "none"` takes one out."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """One feature of an item, of a user, or of a context.

    Attributes:
      entity: `item`, `user` or `context`.
      name: Unique within the entity: what a request, a filter and a slice call it.
      kind, column, separator, min_rows, most, buckets: As of FeatureConfig; the column is never empty.
      dimensions: vector: its length, found in the data; else 0.
      values: category of a context: the values that have a vector, the most frequent first, found in the data.
    """

    entity: str
    name: str
    kind: str
    column: str
    separator: str = ""
    min_rows: int = 1
    most: int = 100_000
    buckets: int = 20
    dimensions: int = 0
    values: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name where features of several entities stand side by side, as in Transform's vocabularies."""
        return f"{self.entity}_{self.name}"

    @property
    def raw(self) -> str:
        """Name of the feature of an Example that holds the column."""
        return f"{self.entity}_{self.column}" if self.is_standard_column else self.key

    @property
    def is_standard_column(self) -> bool:
        """Whether the column is the title or the genres of the catalogue, which every Example of an item has."""
        return self.entity == ITEM and self.column in STANDARD_COLUMNS

    @property
    def transformed(self) -> str:
        """Name of what the transform graph makes of it."""
        return f"{self.key}_indices"

    @property
    def is_float(self) -> bool:
        """Whether its column holds numbers and not texts."""
        return self.kind in (NUMBER, VECTOR)


@settings("features")
class FeaturesConfig:
    """Features by name, of items and of users, beside those that every catalogue has (STANDARD).

    Attributes:
      item: Features of items, columns of the catalogue.
      user: Features of users, columns of the users' table.
      context: What is known of an interaction when one asks: columns of the interactions, or its hour and weekday.
    """

    item: dict[str, FeatureConfig] = dataclasses.field(default_factory=dict)
    user: dict[str, FeatureConfig] = dataclasses.field(default_factory=dict)
    context: dict[str, FeatureConfig] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for entity in ENTITIES:
            for name in getattr(self, entity):
                require(
                    _NAME.fullmatch(name) is not None and name not in _TAKEN,
                    f"features.{entity}.{name}",
                    f"a name of small letters, digits and _, other than {', '.join(_TAKEN)}",
                    name,
                )
                kinds = CONTEXT_KINDS if entity == CONTEXT else _ENTITY_KINDS
                kind = getattr(self, entity)[name].kind
                require(kind in kinds, f"features.{entity}.{name}.kind", "one of " + ", ".join(kinds), kind)

    def specs(self) -> tuple[FeatureSpec, ...]:
        """All features, those of the items first, STANDARD before a person's own."""
        named = {ITEM: {**STANDARD, **self.item}, USER: self.user, CONTEXT: self.context}
        return tuple(
            FeatureSpec(
                entity=entity,
                name=name,
                kind=config.kind,
                column=config.column or name,
                separator=config.separator,
                min_rows=config.min_rows,
                most=config.most,
                buckets=config.buckets,
            )
            for entity in ENTITIES
            for name, config in named[entity].items()
            if config.kind != NOTHING
        )


def of(specs: Iterable[FeatureSpec], entity: str) -> tuple[FeatureSpec, ...]:
    """The features of an entity."""
    return tuple(spec for spec in specs if spec.entity == entity)


def columns_of_context(specs: Iterable[FeatureSpec]) -> tuple[FeatureSpec, ...]:
    """The features of the context that are columns of the interactions."""
    return tuple(spec for spec in of(specs, CONTEXT) if spec.kind == CATEGORY)


def specs_to_json(specs: Iterable[FeatureSpec]) -> str:
    """The features as one line of JSON."""
    return json.dumps([dataclasses.asdict(spec) for spec in specs], sort_keys=True)


def specs_from_json(text: str) -> tuple[FeatureSpec, ...]:
    """The inverse of `specs_to_json`."""
    return tuple(FeatureSpec(**{**one, "values": tuple(one["values"])}) for one in json.loads(text))


def feature_overrides(entries: Iterable[str]) -> list[str]:
    """Settings, `features.ENTITY.NAME.KEY=VALUE`, that options `ENTITY.NAME=KIND` or `ENTITY.NAME=KIND:COLUMN` mean.

    Raises:
      InputError: An option of another form.
    """
    overrides = []
    for entry in (part.strip() for one in entries for part in one.split(",") if part.strip()):
        name, equals, what = entry.partition("=")
        entity, _, feature = name.strip().partition(".")
        kind, _, column = what.strip().partition(":")
        if not (equals and feature) or entity not in ENTITIES or kind not in KINDS:
            raise InputError(
                f"cannot read the feature `{entry}`",
                expected="item.NAME=KIND, user.NAME=KIND or context.NAME=KIND; kinds are " + ", ".join(KINDS),
                received=entry,
                action="write for instance --feature item.brand=category, or --feature item.brand=category:BRAND_NAME "
                "where the column has another name",
            )
        overrides.append(f"features.{entity}.{feature}.kind={kind}")
        overrides += [f"features.{entity}.{feature}.column={column}"] if column else []
    return overrides
