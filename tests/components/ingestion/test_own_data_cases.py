"""Small inputs from public reports: each is read as it should be, or refused in words that tell what to do.

The inputs lie outside of the project; where they are absent, the tests are skipped.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from components.errors import InputError
from components.ingestion.config import DataConfig
from tests.components.ingestion.ingested import notices, profile_of

CASES = Path(__file__).parents[3] / ".." / "shared" / "cases" / "own-data"

PLAIN = {"users": 60, "items": 80, "rows": 840, "has_ratings": True, "has_timestamps": True}
"""What most of the inputs hold: 60 users with 14 rows each."""

READ = {
    "01-ml1m-dat": PLAIN,
    "01b-ml1m-dat-renamed": PLAIN,
    "02-udata-tab-headerless": PLAIN,
    "03-pipe-separator": PLAIN,
    "04-semicolon-decimal-comma": {**PLAIN, "rating_scale": [1.0, 1.5, 2.0, 4.0, 4.5, 5.0]},
    "05-bom-crlf": PLAIN,
    "05b-utf16": PLAIN,
    "06-bz2": PLAIN,
    "06-gz": PLAIN,
    "06-zip": PLAIN,
    "07-newline-in-quotes": PLAIN,
    "07c-unbalanced-quote-unused-col": PLAIN,
    "08-recbole-inter": PLAIN,
    "08c-recbole-mapped": PLAIN,
    "09-glob": PLAIN,
    "09b-folder-of-parts": PLAIN,
    "09d-two-files-comma": PLAIN,
    "10-jsonl": PLAIN,
    "11-trailing-delimiter": PLAIN,
    "11b-blank-lines": PLAIN,
    "11d-comment-line": PLAIN,
    "12-header-again-in-middle": {
        **PLAIN,
        "has_ratings": False,
        "has_timestamps": False,
        "left_out": {"header_again": 1},
    },
    "13-quoted-header-spaces": PLAIN,
    "13b-space-after-comma": PLAIN,
    "14-retailrocket-like": {**PLAIN, "has_ratings": False, "times": "Unix milliseconds"},
    "18-iso-time": PLAIN,
    "18c-date": PLAIN,
    "19-ms": {**PLAIN, "times": "Unix milliseconds"},
    "19c-ns": {**PLAIN, "times": "Unix nanoseconds"},
    "19d-float-seconds": PLAIN,
    "19e-scientific": PLAIN,
    "19g-negative": PLAIN,
    "20c-random-baskets": {"users": 300, "items": 300, "rows": 9_000, "ties": "hash", "tie_share": 1.0},
    "22-exotic-ids": {"users": 45, "items": 45, "rows": 630},
    "23-pq-dictionary": PLAIN,
    "23b-pq-dictionary-int": PLAIN,
    "23d-pq-dict-rating": PLAIN,
    "24-pq-float-ids": PLAIN,
    "24b-pq-big-int": PLAIN,
    "24d-pq-decimal-scale": PLAIN,
    "25-pq-ts-ns": PLAIN,
    "25c-pq-date32": PLAIN,
    "25d-pq-ts-string": PLAIN,
    "25e-pq-ts-double": PLAIN,
    "26b-pq-string-rating": PLAIN,
    "26d-pq-list-item": {"users": 60, "items": 80, "rows": 883},
    "26e-pq-zstd": PLAIN,
    "30-genres-comma": PLAIN,
    "30c-genres-json": PLAIN,
    "30d-category-column": PLAIN,
    "31-no-titles": PLAIN,
    "32-quantity-column": {**PLAIN, "has_ratings": False},
    "33-scale-0-10": PLAIN,
    "33c-constant-1": {**PLAIN, "has_ratings": False},
    "34-dislikes": {"users": 80, "items": 160, "rows": 1_600, "liked_from": 5.0},
    "36-huge-catalogue": {"users": 60, "items": 20_000, "rows": 840, "untouched_items": 19_920},
    "37-seen-everything": {"users": 30, "items": 8, "rows": 234},
    "38-non-latin": PLAIN,
    "40-one-row-per-user": {"users": 405, "items": 79, "rows": 460},
    "41-one-user": {"users": 1, "items": 14, "rows": 14},
    "43-repeats": {"users": 60, "items": 80, "rows": 2_138, "leave_out_seen": "never"},
    "13e-alias-collision": {"users": 3},
}
"""By case, what the profile says."""

SAID = {
    "12-header-again-in-middle": r"1 rows were left out: the header again",
    "13e-alias-collision": r"user_id was taken and customer_id was not",
    "14-retailrocket-like": r"kinds of interaction: view 746, transaction 94",
    "30d-category-column": r"no feature names: price",
    "32-quantity-column": r"not used: quantity.*--columns weight=quantity",
    "33c-constant-1": r"every rating is 1",
}
"""By case, a line that a person sees."""

REFUSED = {
    "02b-headerless-csv": r"has no header[\s\S]*--columns user=1,item=2",
    "02c-headerless-mapped": r"no column 121[\s\S]*a position from 1 to 4",
    "05d-latin1": r"movies.csv, row 2[\s\S]*UTF-8[\s\S]*iconv",
    "13d-duplicate-header": r"names a column twice: item",
    "15-online-retail-like": r"row 2: empty user id[\s\S]*168 of 840 rows[\s\S]*bad_rows=skip",
    "15c-some-bad-rows": r"row 102: the rating is missing[\s\S]*row 202: the time[\s\S]*row 422: more fields",
    "16-nan-ratings": r"row 2: the rating is missing[\s\S]*280 of 840[\s\S]*has_ratings=false",
    "19i-empty-times": r"row 2: the timestamp is missing[\s\S]*17 of 840[\s\S]*skip",
    "21-float-ids-csv": r"not one item[\s\S]*'100.0' and '100' are alike without `.0`",
    "21b-leading-zeros": r"not one item[\s\S]*'00000100' and '100' are alike without leading zeros",
    "22b-nul-byte": r"row 422: line break or NUL byte in the user id",
    "24e-pq-uuid-binary": r"row 1:[\s\S]*uuid.UUID",
    "25g-pq-ts-null": r"row 6: the timestamp is missing",
    "26-pq-nan-rating": r"row 6: the rating is not a number: nan",
    "31b-dup-catalogue": r"movies.csv, row 81: the item id 'i0' occurs twice[\s\S]*row 2",
    "33d-text-ratings": r"row 2: the rating is not a number: 'like'[\s\S]*event",
}
"""By case, what the refusal says."""


def config_of(case: str, monkeypatch: pytest.MonkeyPatch) -> DataConfig:
    """The data that the case's command names; skips where the case is absent."""
    folder = (CASES / case).resolve()
    if not folder.is_dir():
        pytest.skip(f"needs {CASES}")
    monkeypatch.chdir(folder)
    words = shlex.split((folder / "command.txt").read_text())[2:]
    given = dict(zip(words[::2], words[1::2], strict=True))
    columns = (given["--columns"],) if "--columns" in given else ()
    return DataConfig(source="files", ratings=given["--ratings"], items=given.get("--movies", ""), columns=columns)


@pytest.mark.parametrize("case", READ)
def test_what_can_be_read_is_read_right(case, monkeypatch):
    with notices() as lines:
        profile = profile_of(config_of(case, monkeypatch))
    profile["rows"] = sum(split["rows"] for split in profile["splits"])
    assert {key: profile[key] for key in READ[case]} == READ[case]
    assert re.search(SAID.get(case, ""), "\n".join(lines))


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_in_words(case, monkeypatch):
    with pytest.raises(InputError) as caught:
        profile_of(config_of(case, monkeypatch))
    assert re.search(REFUSED[case], str(caught.value)), str(caught.value)


def test_every_case_has_an_expectation():
    if not CASES.is_dir():
        pytest.skip(f"needs {CASES}")
    there = {path.name for path in CASES.iterdir() if (path / "command.txt").is_file()}
    assert there == READ.keys() | REFUSED.keys()


SHAPES = {
    "amazon-2018 ratings only.csv": ("item=1,user=2,rating=3,timestamp=4", {"rating_scale": [1.0, 2.0, 4.0, 5.0]}),
    "book-crossing.csv": ("", {"rating_scale": [0.0, 2.0, 3.0, 4.0, 8.0, 9.0, 10.0]}),
    "dunnhumby.csv": ("", {"has_timestamps": False}),
    "google analytics.csv": ("", {"times": "days as yyyymmdd"}),
    "h-and-m.csv": ("", {"has_timestamps": True}),
    "kaggle anime.csv": ("", {"has_ratings": True}),
    "kuairec.csv": ("weight=watch_ratio", {"times": "Unix seconds"}),
    "lastfm-hetrec.dat": ("", {"has_ratings": False}),
    "million-song triplets.txt": ("user=1,item=2,weight=3", {"left_out": {"no_weight": 94}}),
    "ml-1m ratings.dat.dat": ("", {"has_ratings": True}),
    "movielens-25m.csv": ("", {"has_ratings": True}),
    "personalize.csv": ("", {"events": {"View": 746, "Purchase": 94}}),
    "recbole inter.inter": ("", {"has_ratings": True}),
    "retailrocket.csv": ("", {"times": "Unix milliseconds"}),
    "steam-200k.csv": ("user=1,item=2,event=3,weight=4", {"left_out": {"no_weight": 10}}),
    "yoochoose clicks.dat": ("user=1,timestamp=2,item=3", {"has_timestamps": True}),
}
"""By head of a public data set, the mapping that it needs and what must be understood."""


@pytest.mark.parametrize("name", SHAPES)
def test_layouts_of_public_data_sets_are_read(name):
    path = (CASES / "50-public-shapes" / name).resolve()
    if not path.is_file():
        pytest.skip(f"needs {CASES}")
    columns, expected = SHAPES[name]
    profile = profile_of(DataConfig(source="files", ratings=str(path), columns=(columns,) if columns else ()))
    assert {key: profile[key] for key in expected} == expected
    assert (profile["users"], profile["items"]) == (60, 80)
