"""Texts of an answer in JSON, whatever their bytes are."""

import json

import numpy as np
import pytest
from tensorflow.core.framework import types_pb2

from serving.json_answers import rows_answer
from serving.signatures import TensorSpec


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
