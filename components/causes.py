"""What an error says of its cause, in one line: libraries wrap it in traces, and in names that only they know."""

from __future__ import annotations

import re

MOST_CHARACTERS = 600
_KEPT_FROM_BEGINNING = 200

_TENSORFLOW = re.compile(
    r"\{\{function_node [^}]*\}\}\s*|\s*\[\[\{\{node [^}]*\}\}[^\]]*\]\]|\s*\[Op:[^\]]*\](?: name:\s*\S*)?"
)
_TENSORFLOW_HEADINGS = ("Graph execution error", "Detected at node", "<stack traces", 'File "', "[[", "(0) ", "(1) ")
_TRACEBACK = "Traceback (most recent call last)"
_PYTHON_ERROR = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Failure)\b")
_JAVA_CAUSE = "Caused by: "
_JAVA_FRAME = re.compile(r"at [\w$.<>/@-]+\(.*\)$|\.\.\. \d+ (?:more|common frames omitted)$|Suppressed: ")


def cause_of(error: BaseException) -> str:
    """The type and the telling line of the deepest cause that the error's text names.

    That is the last `Caused by:` of a Java trace, the last error of a Python traceback inside the text (Beam
    sends a worker's), or else the first line, without what TensorFlow says of its graph. A very long line loses
    its middle: a system's words such as "No space left on device" stand at the end.
    """
    code, details = getattr(error, "code", None), getattr(error, "details", None)
    if callable(code) and callable(details):  # gRPC's own text is a page about the call
        return _shortened(f"{code().name}: {telling_line(details() or '')}")
    text = str(error)
    if _TRACEBACK in text or _JAVA_CAUSE in text:
        return _shortened(_inner_cause(text.replace("\\n", "\n").replace("\\t", "\t")))
    line = telling_line(text)
    return _shortened(f"{type(error).__name__}: {line}" if line else type(error).__name__)


def telling_line(text: str) -> str:
    """The first line that says what has happened: TensorFlow puts headings before it and names of nodes around it."""
    lines = [line for raw in text.splitlines() if (line := raw.strip())]
    telling = [line for line in lines if not line.startswith(_TENSORFLOW_HEADINGS)]
    return _shortened(_TENSORFLOW.sub("", (telling or lines or [""])[0]).strip())


def _inner_cause(text: str) -> str:
    lines = [line for raw in text.splitlines() if (line := raw.strip()) and not _JAVA_FRAME.match(line)]
    causes = [position for position, line in enumerate(lines) if line.startswith(_JAVA_CAUSE)]
    if causes:
        lines = [lines[causes[-1]].removeprefix(_JAVA_CAUSE), *lines[causes[-1] + 1 :]]
    if not any(_TRACEBACK in line for line in lines):
        return _TENSORFLOW.sub("", lines[0])
    errors = [line for line in lines if _PYTHON_ERROR.match(line) and _TRACEBACK not in line]
    return _TENSORFLOW.sub("", (errors or lines)[-1]).strip()


def _shortened(line: str) -> str:
    if len(line) <= MOST_CHARACTERS:
        return line
    return f"{line[:_KEPT_FROM_BEGINNING]} … {line[_KEPT_FROM_BEGINNING + 3 - MOST_CHARACTERS :]}"
