"""No function is longer than a screen."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("components", "pipelines", "serving", "tfx_recommenders")
MOST_LINES = 40


def body_lines(function):
    """Lines of a function without its head and its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def functions(text):
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_what_counts_is_the_body_without_the_docstring():
    (one,) = functions('def f(\n    a,\n):\n    """Does.\n\n    Much.\n    """\n    b = a\n\n    return b\n')
    assert body_lines(one) == 3


def test_no_body_is_longer_than_forty_lines():
    files = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name} {body_lines(function)}"
        for path in files
        for function in functions(path.read_text())
        if body_lines(function) > MOST_LINES
    ]
    assert {path.relative_to(ROOT).parts[0] for path in files} == set(OURS)
    assert long == []
