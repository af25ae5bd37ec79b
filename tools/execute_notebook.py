"""Executes docs/tutorial.ipynb and keeps what it prints and draws: `make notebook`.

    python tools/execute_notebook.py                  in place
    python tools/execute_notebook.py --output FILE    into another file
    MOVIELENS_DIR=FOLDER python tools/execute_notebook.py      with the archive ml-latest-small.zip in FOLDER

The digest of the code goes into the notebook's metadata: a test sees by it that the kept output is of this code.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"
DIGEST = "executed_code_sha256"
CELL_SECONDS = 1800


def main() -> None:
    """Executes, and replaces the file only when every cell has ended well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=NOTEBOOK, help="file to write; default: the notebook itself")
    output = parser.parse_args().output
    notebook = execute(read(NOTEBOOK))
    aside = output.with_name(f".{output.name}")
    nbformat.write(notebook, aside)
    aside.replace(output)
    sys.stdout.write(f"written: {output}\n")


def read(path: Path) -> Any:
    """The notebook in format 4."""
    return nbformat.read(path, as_version=4)


def execute(notebook: Any) -> Any:
    """Executes every cell in a kernel of its own, in the folder of the notebook.

    Raises:
      nbclient.exceptions.CellExecutionError: A cell raised.
    """
    os.environ["PYTHONWARNINGS"] = "ignore"
    NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
        coalesce_streams=True,
        on_cell_executed=_say,
    ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata[DIGEST] = code_digest(notebook)
    return notebook


def code_digest(notebook: Any) -> str:
    """SHA-256 of all code cells."""
    code = "\n\0\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()


def _say(cell: Any, cell_index: int, **rest: Any) -> None:
    if cell.cell_type == "code":
        sys.stderr.write(f"cell {cell_index}\n")


if __name__ == "__main__":
    main()
