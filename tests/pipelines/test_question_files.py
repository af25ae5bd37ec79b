import pytest

from components.errors import InputError
from pipelines.question_files import read_pairs


@pytest.fixture
def file(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "asked.csv"
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


@pytest.mark.parametrize("header", ["user", "userId", "USER"])
def test_columns_have_more_names_than_one_and_stand_in_any_order(file, header):
    assert read_pairs(file(f"item,{header},note\nx,7,\ny,07,\nz,Zoë  M ,\n")).users == ["7", "07", "Zoë  M "]


def test_ids_keep_every_byte_through_quotation_marks_other_delimiters_and_a_byte_order_mark(file):
    assert read_pairs(file('user;item\r\n"a, ""b"""" ";1\r\n')).users == ['a, "b"" ']
    assert read_pairs(file("user,item\n1,2\n", "utf-8-sig")).users == ["1"]


def test_pairs_come_once_each_in_the_order_of_the_file(file):
    pairs = read_pairs(file("userId,movieId,rating\nb,m2,3\na,m1,4\nb,m1,5\na,m1,1\nb,m2,2\n"))
    named = [(pairs.users[u], pairs.items[i]) for u, i in zip(pairs.user_codes, pairs.item_codes, strict=True)]
    assert named == [("b", "m2"), ("a", "m1"), ("b", "m1")]
    assert len(pairs) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("user,item\n", "no rows"),
        ("person,item\n1,2\n", "no column `user`"),
        ("user,items\n1,2\n", "no column `item`"),
        ("user,item\n1,2\n,3\n", "row 3: the user is empty"),
        ("user,item\n1,2\n1,\n", "row 3: the item is empty"),
        ("user,item\n1,2\n1,2,3\n", "row 3: wrong number of fields"),
        ('user,item\n1,"2\n3,4\n5,6\n', "row 2: the item goes over several lines"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained_with_its_row(file, text, says):
    with pytest.raises(InputError) as error:
        read_pairs(file(text))
    assert says in error.value.what
    assert error.value.action


def test_other_encodings_are_refused_with_the_row(file):
    with pytest.raises(InputError, match="row 3: not readable") as error:
        read_pairs(file("user,item\n1,2\nZoë,3\n", "latin-1"))
    assert "not utf-8" in error.value.received
    assert "UTF-8" in error.value.action


def test_files_may_be_packed_or_of_another_kind(tmp_path):
    import gzip

    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "asked.csv.gz").write_bytes(gzip.compress(b"user,item\n7,a\n07,a\n"))
    assert read_pairs(str(tmp_path / "asked.csv.gz")).users == ["7", "07"]
    pq.write_table(pa.table({"userId": [7, 8, 7], "movieId": ["a", "b", "a"]}), tmp_path / "asked.parquet")
    pairs = read_pairs(str(tmp_path / "asked.parquet"))
    assert (pairs.users, pairs.items, len(pairs)) == (["7", "8"], ["a", "b"], 2)
