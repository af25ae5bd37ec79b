"""Tables of items and users with columns of one's own, and columns of the interactions, through the real ingestion."""

from __future__ import annotations

import json

import pytest

from components.errors import InputError
from components.feature_specs import FeatureConfig, FeaturesConfig, of
from components.ingestion.config import DataConfig, SplitConfig
from components.ingestion.ingestion import Ingestion
from components.ingestion.workspace import Workspace
from components.seen_rule import SeenRule
from tests.components.ingestion.ingested import notices
from tests.datasets import read_rows, write_csv

ROWS = [(f"u{user}", f"i{item}", 100 + item, "tv" if item % 2 else "") for user in (1, 2) for item in range(6)]
FEATURES = FeaturesConfig(
    item={"price": FeatureConfig(kind="number"), "image": FeatureConfig(kind="vector")},
    user={"country": FeatureConfig(kind="category", column="Land")},
    context={"device": FeatureConfig(kind="category"), "hour": FeatureConfig(kind="hour")},
)


def ingest(folder, data, features=FEATURES):
    with Workspace("500MB") as workspace:
        ingested = Ingestion(
            data, SplitConfig(), workspace, refit=False, leave_out_seen=SeenRule.parse("auto"), specs=features.specs()
        )
        ingested.write(*(str(folder / name) for name in ("entities", "examples", "sequences")))
    return ingested


def undated(folder):
    path = write_csv(folder / "rows.csv", ("user", "item"), [row[:2] for row in ROWS])
    return DataConfig(source="files", ratings=str(path))


@pytest.fixture
def data(tmp_path):
    items = [(f"i{item}", f"Thing {item}", 1.5 * item, "1 2") for item in range(7)]
    users = [("u2", "FR"), ("u1", "DE"), ("new", "IT"), ("u2", "BE")]
    return DataConfig(
        source="files",
        ratings=str(write_csv(tmp_path / "rows.csv", ("user", "item", "timestamp", "device"), ROWS)),
        items=str(write_csv(tmp_path / "items.csv", ("item", "title", "price", "image"), items)),
        users=str(write_csv(tmp_path / "users.csv", ("user", "Land"), users)),
    )


def test_users_have_their_last_row_and_those_without_interactions_stand_behind(data, tmp_path):
    with notices() as lines:
        ingest(tmp_path, data)
    users = [
        (row["user_id"], row.get("user_country"), row["rows"])
        for row in read_rows(f"{tmp_path}/entities/Split-users/*")
    ]
    assert users == [([b"u1"], [b"DE"], [6]), ([b"u2"], [b"BE"], [6]), ([b"new"], [b"IT"], [0])]
    assert any("1 rows of the users' table are of a user of another row" in line for line in lines)


def test_items_have_numbers_and_vectors_and_the_artifact_says_which_features_there_are(data, tmp_path):
    ingested = ingest(tmp_path, data)
    rows = read_rows(f"{tmp_path}/entities/Split-items/*")
    assert [row["item_price"] for row in rows] == [[1.5 * item] for item in range(7)]
    assert all(row["item_image"] == [1.0, 2.0] for row in rows)
    told = {one["name"]: one for one in json.loads(ingested.rules()["features"])}
    assert "genres" not in told  # the catalogue has no such column
    assert told["image"]["dimensions"] == 2
    assert told["device"]["values"] == ["tv"]


def test_sequences_and_held_out_rows_carry_the_context(data, tmp_path):
    ingest(tmp_path, data)
    for row in read_rows(f"{tmp_path}/sequences/Split-all/*"):
        assert row["sequence_context_device"] == [b"", b"tv"] * 3
    for row in read_rows(f"{tmp_path}/examples/Split-test/*"):
        assert row["context_device"] == ([b"tv"] if int(row["item_id"][0][1:]) % 2 else [b""])


def test_one_row_a_user_with_lists_has_a_context_for_each_interaction(tmp_path):
    lines = [
        json.dumps({"user": f"u{user}", "items": [f"i{n}" for n in range(6)], "timestamps": list(range(100, 106)),
                    "device": ["tv", "phone"] * 3})
        for user in (1, 2)
    ]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    data = DataConfig(
        source="files", ratings=str(tmp_path / "rows.jsonl"), columns=("item=items", "timestamp=timestamps")
    )
    ingest(tmp_path, data, FeaturesConfig(context={"device": FeatureConfig(kind="category")}))
    for row in read_rows(f"{tmp_path}/sequences/Split-all/*"):
        assert row["sequence_context_device"] == [b"tv", b"phone"] * 3


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"user": {"age": FeatureConfig(kind="number")}}, r"no column `age`[\s\S]*user, Land[\s\S]*--users"),
        ({"item": {"brand": FeatureConfig(kind="category")}}, r"no column `brand`[\s\S]*item, title, price"),
        ({"context": {"shop": FeatureConfig(kind="category")}}, r"no column `shop`[\s\S]*--ratings"),
    ],
)
def test_a_column_that_is_not_there_is_refused_with_those_that_are(data, tmp_path, features, message):
    with pytest.raises(InputError, match=message):
        ingest(tmp_path, data, FeaturesConfig(**features))


def test_hours_of_undated_rows_are_refused(tmp_path):
    data = undated(tmp_path)
    with pytest.raises(InputError, match=r"features.context.hour is made of times"):
        ingest(tmp_path, data, FeaturesConfig(context={"hour": FeatureConfig(kind="hour")}))


def test_a_feature_of_users_without_their_table_is_refused(tmp_path):
    data = undated(tmp_path)
    with pytest.raises(InputError, match=r"features.user.country cannot be read[\s\S]*--users FILE"):
        ingest(tmp_path, data, FeaturesConfig(user=FEATURES.user))
    assert of(FEATURES.specs(), "user")[0].column == "Land"
