"""What is written of odd ids and titles."""

import numpy as np
from google.protobuf import text_format
from tensorboard.plugins.projector import ProjectorConfig

from components.embeddings.from_bundle import BundleEmbeddings
from components.embeddings.item_vectors import ItemVectors
from components.embeddings.parquet_tables import item_table, user_table
from components.embeddings.projector import write_projector
from components.examples import Catalogue
from tests.components.bundle.small_bundle import ragged, strings


def odd():
    """Two items and a user; two dimensions and a bias."""
    item_ids, titles, users = strings(["a\tb", "é"]), strings(["One\nand\ttwo", "Three"]), strings(["u"])
    indexed = np.array([[1, 2, 9], [0.5, -0.25, 9]], np.float32)
    return BundleEmbeddings(
        catalogue=Catalogue(item_ids=item_ids, titles=titles, genres=[[b"War", b"A\tB"], []]),
        vectors=ItemVectors(
            rows=np.arange(2), indexed=indexed, is_bias=np.array([False, False, True]), told_content=True
        ),
        rows=np.array([1, 7]),
        user_ids=users,
        lists=ragged([[0, 1]]),
        queries=np.array([[2, 4, 1]], np.float32),
    )


def test_the_tables_have_every_item_and_every_user():
    items, users = item_table(odd()), user_table(odd())
    assert items.to_pylist() == [
        {"item_id": "a\tb", "title": "One\nand\ttwo", "genres": ["War", "A\tB"], "rows": 1, "vector": [1, 2, 9]},
        {"item_id": "é", "title": "Three", "genres": [], "rows": 7, "vector": [0.5, -0.25, 9]},
    ]
    assert users.to_pylist() == [{"user_id": "u", "interactions": 2, "vector": [2, 4, 1]}]
    assert items.schema.metadata == users.schema.metadata == {b"bias_dimensions": b"[2]"}


def test_the_projector_gets_a_line_an_item_whatever_is_in_the_titles(tmp_path):
    assert write_projector(odd(), tmp_path) == 2
    assert (tmp_path / "metadata.tsv").read_text().splitlines() == [
        "title\tgenres\trows\titem_id",
        "Three\t\t7\té",
        "One and two\tWar|A B\t1\ta b",
    ]
    assert (tmp_path / "vectors.tsv").read_text().splitlines() == ["0.5\t-0.25", "1\t2"]
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (entry,) = config.embeddings
    assert (entry.tensor_path, entry.metadata_path) == ("vectors.tsv", "metadata.tsv")
    assert list(entry.tensor_shape) == [2, 2]
