import csv

import pytest

from components.errors import InputError
from pipelines.answer_file import AnswerFile


def test_rows_are_there_when_the_block_ends_and_not_before(tmp_path):
    path = tmp_path / "new" / "answers.csv"
    with AnswerFile(path, ("user", "item")) as file:
        file.write([("a, b", 'quoted "c"'), ("é ", 1)])
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == 'user,item\n"a, b","quoted ""c"""\né ,1\n'
    assert list(csv.reader(path.read_text(encoding="utf-8").splitlines()))[1] == ["a, b", 'quoted "c"']
    assert file.rows == 2
    assert [child.name for child in path.parent.iterdir()] == ["answers.csv"]


def test_an_interruption_leaves_the_old_file_as_it_was(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), AnswerFile(path, ("user",)) as file:
        file.write([("1",)])
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_explained_before_the_work(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        AnswerFile(tmp_path, ("user",))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a file is in the way"):
        AnswerFile(tmp_path / "file" / "answers.csv", ("user",))
