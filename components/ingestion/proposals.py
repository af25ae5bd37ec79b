"""Features that a person may want to begin with: a kind for every column of one's own, found in its values."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from components.feature_specs import CATEGORIES, CATEGORY, ITEM, NOTHING, NUMBER, TEXT, USER, VECTOR
from components.ingestion.categories import SEPARATORS
from components.ingestion.columns import Columns
from components.ingestion.files import FilesSource
from components.ingestion.own_columns import numbers_of, text_of
from components.ingestion.reading.tables import SourceTable, identifier
from components.ingestion.workspace import Workspace

SAMPLE_ROWS = 20_000
FEW = 12  # whole numbers of so many different values are categories
MANY = 100  # categories of more values than that need some rows each
MIN_ROWS = 5
MOSTLY = 0.9
LIKE_AN_ID = 0.5  # share of different values from which on a text of a word or two names its row and nothing else
WORDS = 3
_NAMES = re.compile(r"zip|post_?code|postal|(^|_)id(_|$|:)|code")  # of columns whose numbers are names


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proposal:
    """One column and what it may be read as.

    Attributes:
      entity: `item` or `user`.
      name: Of the feature.
      column: The column.
      kind: One of feature_specs.KINDS; `none` where it tells nothing that could be learned.
      settings: Further settings of the feature.
      why: What its values are like, for people.
    """

    entity: str
    name: str
    column: str
    kind: str
    settings: dict[str, Any]
    why: str

    def lines(self) -> Iterator[str]:
        """The feature as part of a preset; one that is none stands in a comment."""
        mark = "# " if self.kind == NOTHING else ""
        yield f"{mark}[features.{self.entity}.{self.name}]  # {self.why}"
        yield f'{mark}kind = "{self.kind}"'
        settings = {**({"column": self.column} if self.column != self.name else {}), **self.settings}
        for key, value in settings.items():
            yield f"{mark}{key} = {json.dumps(value, ensure_ascii=False)}"


def propose(source: FilesSource, workspace: Workspace) -> list[Proposal]:
    """A proposal for every column of the catalogue and of the users' table that has no role, in their order."""
    tables = ((ITEM, source.item_tables(workspace)), (USER, source.user_tables(workspace)))
    return [proposal for entity, found in tables if found for proposal in _of_table(entity, *found[0], workspace)]


def _of_table(entity: str, table: SourceTable, columns: Columns, workspace: Workspace) -> Iterator[Proposal]:
    names: Counter[str] = Counter()
    for column in columns.unused:
        query = f"SELECT {identifier(column)} FROM {table.sql} LIMIT {SAMPLE_ROWS}"
        values = [value for (value,) in workspace.connection.execute(query).fetchall()]
        name = _name(column)
        names[name] += 1
        yield proposal(entity, name if names[name] == 1 else f"{name}_{names[name]}", column, values)


def proposal(entity: str, name: str, column: str, values: Sequence[Any]) -> Proposal:
    """What the values of a column look like.

    Args:
      entity: `item` or `user`.
      name: Of the feature.
      column: The column.
      values: Of its first rows, as the table gives them.
    """
    kind, settings = _kind(values, column)
    return Proposal(entity=entity, name=name, column=column, kind=kind, settings=settings, why=_described(values))


def _kind(values: Sequence[Any], column: str) -> tuple[str, dict[str, Any]]:
    present = [value for value in values if value is not None and str(value).strip()]
    if not present:
        return NOTHING, {}
    if all(isinstance(value, (list, tuple)) for value in present) or _mostly(present, _is_list):
        parts = [re.split(r"[,\s]+", str(value).strip("[]() ")) for value in present]
        return (VECTOR, {}) if _is_number(parts[0]) and len({*map(len, parts)}) == 1 else (CATEGORIES, {})
    texts = [str(value).strip() for value in present]
    different = len(set(texts))
    numbers = [number for number in numbers_of(present) if number is not None]
    if len(numbers) >= MOSTLY * len(present) and not _NAMES.search(column.lower()):
        return (CATEGORY, {}) if different <= FEW and all(map(float.is_integer, numbers)) else (NUMBER, {})
    if _mostly(texts, lambda text: len(text.split()) > WORDS and _is_number(text.split())):
        return VECTOR, {}
    if _mostly(texts, lambda text: re.fullmatch(r"\d{4}-\d{2}-\d{2}.*|https?://.*|\S+@\S+", text) is not None):
        return NOTHING, {}
    separator = _separator(texts, column)
    if separator:
        return CATEGORIES, {"separator": separator} if separator not in SEPARATORS else {}
    words = sum(len(text.split()) for text in texts) / len(texts)
    if different > LIKE_AN_ID * len(texts) and different > MANY:
        return (TEXT, {"min_rows": WORDS, "most": 5_000}) if words >= WORDS else (NOTHING, {})
    return CATEGORY, {"min_rows": MIN_ROWS} if different > MANY else {}


def _separator(texts: Sequence[str], column: str) -> str:
    """What parts several values of a text: found where the parts occur again in other rows; "" where nothing does."""
    if column.endswith(":token_seq"):
        return " "
    for separator in SEPARATORS:
        parts = [part.strip() for text in texts if separator in text for part in text.split(separator)]
        if sum(separator in text for text in texts) > len(texts) / 20 and len(set(parts)) < len(parts) / 2:
            return separator
    return ""


def _described(values: Sequence[Any]) -> str:
    texts = [text_of(value) for value in values]
    counts = Counter(filter(None, texts))
    some = ", ".join(text[:20] for text, _ in counts.most_common(3))
    without = f", {100 * texts.count('') / len(texts):.0f} % missing" if "" in texts else ""
    return f"{len(counts):,} different values{without}, such as {some}" if counts else "no value"


def _name(column: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", column.partition(":")[0].lower()).strip("_") or "column"
    return name if name[0].isalpha() else f"column_{name}"


def _mostly(values: Sequence[Any], test: Any) -> bool:
    return sum(bool(test(value)) for value in values) >= MOSTLY * len(values)


def _is_list(value: Any) -> bool:
    return isinstance(value, str) and value.strip().startswith("[") and value.strip().endswith("]")


def _is_number(parts: Sequence[str]) -> bool:
    return all(re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", part) for part in parts) and bool(parts)
