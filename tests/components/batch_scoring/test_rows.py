"""What comes out: for every user the rows that the bundle answers with, whatever the format and however it is cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.components.batch_scoring.jobs import content_hash, score_in_memory


def expected_rows(bundle, user, n, **question):
    """Asked alone, as the server does."""
    (answer,) = bundle.recommend([user], n=n, **question)
    return [
        {
            "user_id": user,
            "rank": rank,
            "item_id": item.id,
            "title": item.title,
            "score": pytest.approx(item.score, rel=1e-5, abs=1e-6),  # a float32 sum of parts of about 3
            "predicted_rating": pytest.approx(item.predicted_rating, rel=1e-5),
            "model_version": "7",
        }
        for rank, item in enumerate(answer.items, start=1)
    ]


def test_all_users_get_the_very_lists_that_the_bundle_gives_them_one_by_one(bundle, scored):
    done = scored("all", block_users=64)
    users = [f"u{number}" for number in range(300)]
    assert sorted(done.by_user) == sorted(users)
    for user in users:
        assert done.by_user[user] == expected_rows(bundle, user, 5)
    assert done.summary["users"] == done.summary["read"] == 300
    assert done.summary["rows"] == len(done.rows) == 1500
    assert done.summary["sources"] == {"model": 300}
    assert (done.summary["model_version"], done.summary["n"]) == ("7", 5)
    assert not Path(done.destination.rejected).exists()


def test_a_list_ends_where_no_item_is_left(bundle, scored):
    done = scored("all", n=50)
    short = {user: rows for user, rows in done.by_user.items() if len(rows) < 50}
    assert short  # users who know more than 10 of the 60 items
    for user, rows in list(short.items())[:20]:
        assert rows == expected_rows(bundle, user, 50)
    assert done.summary["rows"] == len(done.rows)


def test_formats_and_shards_hold_the_same_rows(scored):
    parquet = scored(output="one.parquet")
    lines = scored(output="many.jsonl", shards=3)
    csv = scored(output="one.csv", block_users=7)
    assert [file.name for file in lines.files] == [f"part-0000{shard}-of-00003.jsonl" for shard in range(3)]
    assert (Path(lines.destination.output) / "_SUCCESS").is_file()
    assert json.loads((Path(lines.destination.output) / "_summary.json").read_text())["shards"] == 3
    assert all(file.stat().st_size for file in lines.files)
    ids = [
        {(row["user_id"], row["rank"], row["item_id"], row["title"]) for row in one.rows}
        for one in (parquet, lines, csv)
    ]
    assert ids[0] == ids[1] == ids[2]
    for one in (lines, csv):
        for rows, others in zip(parquet.by_user.values(), map(one.by_user.get, parquet.by_user), strict=True):
            assert [row["score"] for row in rows] == pytest.approx([row["score"] for row in others], rel=1e-6)


def test_text_with_quotes_commas_and_umlauts_survives_every_format(tmp_path):
    import numpy as np

    from tests.components.bundle.small_bundle import build_bundle

    names = ['a"b', "c,d", "Zoë\t's", "back\\slash"]
    bundle = build_bundle(
        tmp_path / "1",
        item_ids=names,
        genres=[["x"]] * 4,
        vectors=np.eye(4),
        biases=np.zeros(4),
        users={name: [0] for name in names},
        test_rows={},
    )
    for output in ("o.parquet", "o.jsonl", "o.csv"):
        done = score_in_memory(bundle.path, tmp_path, output=output)
        assert set(done.by_user) == set(names)
        assert {row["item_id"] for row in done.rows} == set(names[1:])
        assert {row["title"] for row in done.rows} == {f"Title of {name}" for name in names[1:]}


def test_a_history_in_the_input_replaces_what_is_stored(bundle, scored, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(
        "userId,history_item_ids,history_ratings,town\n"
        "stranger,m1|m2|m3,5|0|2.5,Oslo\n"
        "u1,m9,,Bergen\n"
        "u2,,,Bergen\n"
        "nobody,,,Oslo\n"
        "lost,atlantis,,Oslo\n"
    )
    done = scored(str(path))
    histories = {"stranger": [("m1", 5.0), ("m2", 0.0), ("m3", 2.5)], "u1": [("m9", 0.0)], "lost": [("atlantis", 0.0)]}
    assert set(done.by_user) == {"stranger", "u1", "u2", "nobody", "lost"}
    for user, rows in done.by_user.items():
        assert rows == expected_rows(bundle, user, 5, history=histories.get(user, ()))
    assert done.summary["sources"] == {"history": 2, "model": 1, "popularity": 2}


def test_retrieve_only_gives_the_first_stage(bundle, scored, tmp_path):
    import tensorflow as tf

    done = scored(retrieve_only=True)
    assert set(done.rows[0]) == {"user_id", "rank", "item_id", "score", "model_version"}
    answer = bundle.signatures["retrieve"](user_id=tf.constant(["u3"]))
    assert [row["item_id"] for row in done.by_user["u3"]] == [one.decode() for one in answer["item_ids"].numpy()[0, :5]]
    from components.errors import InputError

    with pytest.raises(InputError, match="20 items"):
        scored(retrieve_only=True, n=21, output="more.parquet")
    (tmp_path / "people.csv").write_text("user,history_item_ids\na,m1\n")
    with pytest.raises(InputError, match="stored histories"):
        scored(str(tmp_path / "people.csv"), retrieve_only=True, output="people.parquet")


def test_the_rows_do_not_depend_on_order_or_pieces_of_the_input(scored, tmp_path):
    ids = [f"u{number}" for number in range(300)] + ["stranger"]
    (tmp_path / "forward.txt").write_text("\n".join(ids))
    parts = tmp_path / "parts"
    parts.mkdir()
    for part in range(3):
        (parts / f"{part}.txt").write_text("\n".join(reversed(ids[part::3])) + "\n")
    one = scored(str(tmp_path / "forward.txt"), block_users=50)
    other = scored(str(parts), output="other.parquet", block_users=50)
    assert content_hash(one.rows) == content_hash(other.rows)
