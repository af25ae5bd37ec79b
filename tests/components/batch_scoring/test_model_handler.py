"""A model that fails for some: those are told apart, the others are scored; a bad model ends the job."""

from __future__ import annotations

import threading

import pytest
import tensorflow as tf

from components.batch_scoring import model_handler
from components.batch_scoring.blocks import UserBlock
from components.batch_scoring.model_handler import BundleHandler, ListQuestion, LoadedSignature, score
from serving import contract


class Picky(tf.Module):
    """Recommends m1 and m2 to everybody; a block with an id that begins with `poison` fails whole."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=contract.USER_ID),
            tf.TensorSpec([None, None], tf.string, name=contract.HISTORY_ITEM_IDS),
            tf.TensorSpec([None, None], tf.float32, name=contract.HISTORY_RATINGS),
            tf.TensorSpec([None, None], tf.string, name=contract.EXCLUDE_ITEM_IDS),
            tf.TensorSpec([None, None], tf.string, name=contract.ALLOW_ITEM_IDS),
            tf.TensorSpec([None, None], tf.string, name=contract.FILTERS),
            tf.TensorSpec([None, None], tf.string, name=contract.USER_FEATURES),
            tf.TensorSpec([None, None], tf.string, name=contract.CONTEXT),
            tf.TensorSpec([None], tf.int32, name=contract.N),
        ]
    )
    def recommend(self, user_id, history_item_ids, history_ratings, exclude_item_ids, allow_item_ids, *others):
        poisoned = tf.strings.regex_full_match(user_id, "poison.*")
        with tf.control_dependencies([tf.debugging.Assert(not tf.reduce_any(poisoned), ["poisoned"])]):
            rows = tf.shape(user_id)[0]
        return {
            contract.ITEM_IDS: tf.tile([["m1", "m2"]], [rows, 1]),
            contract.TITLES: tf.tile([["One", "Two"]], [rows, 1]),
            contract.SCORES: tf.tile([[2.0, 1.0]], [rows, 1]),
            contract.PREDICTED_RATINGS: tf.tile([[5.0, 4.0]], [rows, 1]),
            contract.COUNT: tf.fill([rows], 2),
            contract.SOURCE: tf.fill([rows], "model"),
        }


@pytest.fixture(scope="module")
def picky(tmp_path_factory):
    folder = tmp_path_factory.mktemp("picky") / "3"
    module = Picky()
    tf.saved_model.save(module, str(folder), signatures={contract.RECOMMEND: module.recommend})
    return folder


def question(folder, n=2):
    return ListQuestion(model=str(folder), version="3", n=n)


def test_the_users_for_whom_the_model_fails_are_found_and_the_others_scored(picky):
    ids = [f"u{number}" for number in range(40)]
    ids[7], ids[8], ids[33] = "poison A", "poison B", "poison C"
    scored = score(UserBlock.of(ids), LoadedSignature(str(picky), False), question(picky, n=1))
    assert scored.users == 37
    assert scored.rows.column(0).to_pylist() == [user for user in ids if not user.startswith("poison")]
    assert [bad.user_id for bad in scored.rejected] == ["poison A", "poison B", "poison C"]
    assert [bad.position for bad in scored.rejected] == [7, 8, 33]
    assert "poisoned" in scored.rejected[0].reason


def test_a_block_of_nothing_but_bad_users_gives_no_row(picky):
    scored = score(UserBlock.of(["poison"]), LoadedSignature(str(picky), False), question(picky))
    assert (scored.users, len(scored), len(scored.rejected)) == (0, 0, 1)


def test_a_model_that_fails_for_everybody_ends_the_job(picky):
    with pytest.raises(RuntimeError, match="user after user"):
        score(UserBlock.of(["poison"] * 500), LoadedSignature(str(picky), False), question(picky))


def test_a_process_loads_the_model_once_however_many_threads_and_jobs_ask(picky, monkeypatch):
    loads = []
    load = tf.saved_model.load
    monkeypatch.setattr(tf.saved_model, "load", lambda path: loads.append(path) or load(path))
    monkeypatch.setattr(model_handler, "_LOADED", {})
    models = []
    handlers = [BundleHandler(question(picky, n)) for n in (1, 2, 2, 1)]
    threads = [threading.Thread(target=lambda h=handler: models.append(h.load_model())) for handler in handlers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(set(map(id, models))) == 1


def test_a_poisoned_record_goes_to_the_rejected_and_the_rest_is_published(picky, tmp_path):
    from tests.components.batch_scoring.jobs import score_in_memory

    (tmp_path / "users.csv").write_text(
        "user_id,history_item_ids\n" + "".join(f"u{n},\n" for n in range(30)) + "poison,m1\n,\n"
    )
    done = score_in_memory(picky, tmp_path, users=str(tmp_path / "users.csv"), n=2)
    assert set(done.by_user) == {f"u{n}" for n in range(30)}
    assert {(bad["place"].rsplit(", ", 1)[1], bad["user_id"]) for bad in done.rejected} == {
        ("row 32", "poison"),
        ("row 33", ""),
    }
    assert (done.summary["read"], done.summary["users"], done.summary["rejected"]) == (32, 30, 2)
