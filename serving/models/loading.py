"""A SavedModel into a session, without holding up whoever else uses the interpreter.

`tf.compat.v1.saved_model.load` parses the graph, writes it out again and makes a Python object of every operation:
seconds during which other threads get the interpreter in turns only, and hundreds of thousands of objects for
every later garbage collection to walk through. Nothing of that is needed to run it: here the bytes of the graph go to
TensorFlow as they lie in the file, and variables and tables are filled by name, as its own C++ loader does it
(tensorflow/cc/saved_model/loader.cc).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework import c_api_util

from serving import contract
from serving.errors import InvalidRequestError

_META_GRAPHS = 2  # of SavedModel
_GRAPH = 2  # of MetaGraphDef
_LIBRARY, _VERSIONS = 2, 4  # of GraphDef
_FUNCTION = 1  # of FunctionDefLibrary
_PART_BYTES = 64 << 10
_MAIN_OPERATION = "saved_model_main_op"
_LEGACY_OPERATION = "legacy_init_op"
INIT_OPERATION = "__saved_model_init_op"
_BYTES = 2  # wire type: a length and as many bytes
_VARIABLES = Path("variables") / "variables"


def load(session: Any, tags: Iterable[str], path: Path) -> Any:
    """Loads a version into an empty session.

    Args:
      session: Of an empty graph.
      tags: Of the graph to load.
      path: Folder of the version.

    Returns:
      Its MetaGraphDef, without the graph.

    Raises:
      InvalidRequestError: There is no graph with these tags, or it is none.
    """
    meta, graph = _meta_graph(path, frozenset(tags))
    _import(session.graph, graph)
    assets = _assets(meta, path)
    if _VARIABLES.with_suffix(".index").name in _names(path / _VARIABLES.parent) and meta.HasField("saver_def"):
        saver = meta.saver_def
        _run(session, saver.restore_op_name, {saver.filename_tensor_name: os.fspath(path / _VARIABLES), **assets})
    operation = _initial_operation(meta)
    if operation:
        _run(session, operation, assets)
    return meta


def _meta_graph(path: Path, tags: frozenset[str]) -> tuple[Any, bytes]:
    """The MetaGraphDef with these tags without its graph, and the bytes of the graph."""
    found = []
    for meta, graph in _meta_graphs(path):
        if frozenset(meta.meta_info_def.tags) == tags:
            return meta, graph
        found.append(sorted(meta.meta_info_def.tags))
    raise InvalidRequestError(
        f"{path} has no graph with the tags {', '.join(sorted(tags))}. Expected: one of {found} (--saved-model-tags)"
    )


def _meta_graphs(path: Path) -> Iterator[tuple[Any, bytes]]:
    file = path / contract.SAVED_MODEL_FILE
    if not file.is_file():
        text = file.with_suffix(".pbtxt").read_text(encoding="utf-8")
        document = text_format.Parse(text, saved_model_pb2.SavedModel())
        for meta in document.meta_graphs:
            graph = meta.graph_def.SerializeToString()
            meta.ClearField("graph_def")
            yield meta, graph
        return
    for number, content in _fields(file.read_bytes()):
        if number == _META_GRAPHS:
            parts, graph = [], b""
            for inner, field in _fields(content, whole=True):
                if inner == _GRAPH:
                    graph = next(value for _, value in _fields(field))
                else:
                    parts.append(field)
            yield meta_graph_pb2.MetaGraphDef.FromString(b"".join(parts)), graph


def _fields(message: bytes, *, whole: bool = False) -> Iterator[tuple[int, bytes]]:
    """The fields of a protobuf message that have a length, by number; `whole` with number and length in front."""
    position = 0
    try:
        while position < len(message):
            start = position
            key, position = _varint(message, position)
            if key & 7 == _BYTES:
                size, position = _varint(message, position)
                begin, position = position, position + size
            elif key & 7 == 0:
                begin = position
                _, position = _varint(message, position)
            else:
                raise InvalidRequestError("saved_model.pb is not a SavedModel")
            if position > len(message):
                raise InvalidRequestError("saved_model.pb ends too early")
            yield key >> 3, message[start if whole else begin : position]
    except IndexError:
        raise InvalidRequestError("saved_model.pb is not a SavedModel") from None


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
        if shift > 63:
            raise InvalidRequestError("saved_model.pb is not a SavedModel")


def _import(graph: Any, definition: bytes) -> None:
    for part in _parts(definition):
        options = c_api_util.ScopedTFImportGraphDefOptions()
        with graph._c_graph.get() as c_graph, c_api_util.tf_buffer(part) as buffer:
            results = pywrap_tf_session.TF_GraphImportGraphDefWithResults(c_graph, buffer, options.options)
            c_api_util.ScopedTFImportGraphDefResults(results)  # frees them


def _parts(definition: bytes) -> Iterator[bytes]:
    """A GraphDef as several, functions first: an import keeps the interpreter to itself, so none may be large."""
    rest, functions = [], list[bytes]()
    for number, field in _fields(definition, whole=True):
        if number == _LIBRARY:
            library = next(content for _, content in _fields(field))
            functions += [function for inner, function in _fields(library, whole=True) if inner == _FUNCTION]
            rest += [_field(_LIBRARY, other) for inner, other in _fields(library, whole=True) if inner != _FUNCTION]
        else:
            rest.append(field)
    versions = b"".join(field for field in rest if field[0] >> 3 == _VERSIONS)
    while functions:
        size, count = 0, 0
        while count < len(functions) and (not count or size + len(functions[count]) <= _PART_BYTES):
            size, count = size + len(functions[count]), count + 1
        yield versions + _field(_LIBRARY, b"".join(functions[:count]))
        del functions[:count]
    yield b"".join(rest)


def _field(number: int, content: bytes) -> bytes:
    head, size = bytearray([number << 3 | _BYTES]), len(content)
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + content


def _assets(meta: Any, path: Path) -> dict[str, str]:
    """Files of the version by the tensors that hold their names."""
    return {asset.tensor_info.name: os.fspath(path / "assets" / asset.filename) for asset in meta.asset_file_def}


def _initial_operation(meta: Any) -> str:
    """What fills tables, "" without them."""
    if INIT_OPERATION in meta.signature_def:
        return str(meta.signature_def[INIT_OPERATION].outputs[INIT_OPERATION].name)
    for name in (_MAIN_OPERATION, _LEGACY_OPERATION):
        values = meta.collection_def[name].node_list.value if name in meta.collection_def else ()
        if values:
            return str(values[0])
    return ""


def _run(session: Any, operation: str, fed: dict[str, str]) -> None:
    name = operation.partition(":")[0]
    call = session._make_callable_from_options(config_pb2.CallableOptions(feed=list(fed), target=[name]))
    call(*(np.array(value.encode(), dtype=object) for value in fed.values()))


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
