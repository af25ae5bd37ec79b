"""What MovieLens's ratings say of their users, read from files as TensorFlow Datasets prepares them."""

from __future__ import annotations

import types

import pytest
import tensorflow as tf

from components.errors import InputError
from components.feature_specs import USER, of
from components.ingestion.config import DataConfig
from components.ingestion.movielens import MovielensSource
from pipelines.config import load

ROWS = [  # user, rating, age, gender, occupation; of user 7 the last row holds
    (b"7", 5.0, 23.0, 1, b"artist"),
    (b"9", 3.0, 53.0, 0, b"writer"),
    (b"7", 1.0, 24.0, 1, b"artist"),
]
COLUMNS = {
    "user_id": tf.string,
    "user_rating": tf.float32,
    "raw_user_age": tf.float32,
    "user_gender": tf.int64,
    "user_occupation_text": tf.string,
}


class Features(dict):
    """Stands for the features of a builder's info."""

    @property
    def tf_example_spec(self):
        return {name: tf.io.FixedLenFeature([], kind) for name, kind in self.items()}


@pytest.fixture
def source(tmp_path):
    file = str(tmp_path / "movielens-train.tfrecord-00000-of-00001")
    with tf.io.TFRecordWriter(file) as writer:
        for user, rating, age, gender, occupation in ROWS:
            example = tf.train.Example()
            values = example.features.feature
            values["user_id"].bytes_list.value.append(user)
            values["user_rating"].float_list.value.append(rating)
            values["raw_user_age"].float_list.value.append(age)
            values["user_gender"].int64_list.value.append(gender)
            values["user_occupation_text"].bytes_list.value.append(occupation)
            writer.write(example.SerializeToString())
    info = types.SimpleNamespace(
        features=Features(COLUMNS), splits={"train": types.SimpleNamespace(filepaths=[file])}, full_name="movielens"
    )
    made = MovielensSource(DataConfig(source="movielens", dataset="100k"))
    made._builders["ratings"] = types.SimpleNamespace(info=info)
    return made


def test_the_preset_reads_age_gender_and_occupation(source):
    users = source.users(None, of(load("movielens-100k").features.specs(), USER))
    assert users.ids == [b"7", b"9"]
    assert users.features == {
        "age": [[24.0], [53.0]],
        "gender": [[b"1"], [b"0"]],
        "occupation": [[b"artist"], [b"writer"]],
    }


def test_the_rating_is_no_feature_of_a_user(source):
    specs = of(load("movielens-100k", ["features.user.age.column=user_rating"]).features.specs(), USER)
    with pytest.raises(InputError, match=r"no column `user_rating`[\s\S]*raw_user_age, user_gender"):
        source.users(None, specs)


def test_a_data_set_without_features_of_users_has_none(source):
    assert source.users(None, ()) is None
