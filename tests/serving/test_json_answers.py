"""Texts of an answer in JSON, whatever their bytes are."""

import json

import numpy as np
import pytest
from tensorflow.core.framework import types_pb2

from serving.models.signatures import TensorSpec
from serving.rest.answers import columns_answer, rows_answer


def strings(rows):
    array = np.empty((len(rows), len(rows[0])), dtype=object)
    for number, row in enumerate(rows):
        array[number] = row
    return array


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        ([[b"a", b""], [b"", "é\n".encode()]], [["a", ""], ["", "é\n"]]),
        ([[b"a\0b", b"c"], [b"d", b"\0"]], [["a\0b", "c"], ["d", "\0"]]),
        ([[b"\xff", b"c"], [b"d", "é".encode()]], [["\ufffd", "c"], ["d", "é"]]),
        ([["é".encode()[:1], "é".encode()[1:]]], [["\ufffd", "\ufffd"]]),
        ([[b""]], [[""]]),
    ],
)
def test_texts_are_written_each_by_itself(rows, texts):
    spec = TensorSpec("titles", "titles:0", types_pb2.DT_STRING, (-1, -1))
    assert json.loads(rows_answer([spec], [strings(rows)])) == {"predictions": texts}


def test_rows_without_texts_are_empty_lists():
    spec = TensorSpec("titles", "titles:0", types_pb2.DT_STRING, (-1, -1))
    assert json.loads(rows_answer([spec], [np.empty((2, 0), dtype=object)])) == {"predictions": [[], []]}


@pytest.mark.parametrize("width", [3, 50_000])
def test_a_large_answer_is_written_in_blocks_that_make_one_list(width):
    texts = strings([[b"%d" % (row * width + column) for column in range(width)] for row in range(3)])
    numbers = np.arange(3 * width, dtype=np.float32).reshape(3, width)
    numbers[1, 1] = np.nan
    specs = [
        TensorSpec("titles", "titles:0", types_pb2.DT_STRING, (-1, -1)),
        TensorSpec("scores", "scores:0", types_pb2.DT_FLOAT, (-1, -1)),
    ]
    rows = json.loads(rows_answer(specs, [texts, numbers]))["predictions"]
    columns = json.loads(columns_answer(specs, [texts, numbers]))["outputs"]
    assert [row["titles"] for row in rows] == columns["titles"] == [[text.decode() for text in row] for row in texts]
    for scores in ([row["scores"] for row in rows], columns["scores"]):
        np.testing.assert_array_equal(np.array(scores), numbers)
    (alone,) = json.loads(columns_answer(specs[1:], [numbers[:1]]))["outputs"]
    assert alone == list(range(width))
