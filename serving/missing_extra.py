"""A library that is not installed, in words: which extra of the package brings it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

PACKAGE = "tfx-recommenders"
OURS = ("pipelines", "components", "serving")
OF_MODULE = {
    "httpx": "client",
    "kfp": "kubeflow",
    "yaml": "kubeflow",
    "opentelemetry": "tracing",
    "optuna": "tune",
    "psycopg": "events",
    "redis": "events",
    "sqlalchemy": "events",
    "umap": "umap",
}
"""Extras of what a single command or option needs."""


class MissingExtraError(ImportError):
    """Something needs an extra of this package that is not installed."""


@contextlib.contextmanager
def needs_extra(who: str, extra: str) -> Iterator[None]:
    """Imports inside it that find nothing become a MissingExtraError.

    Args:
      who: Who needs the import, for the message.
      extra: The extra that brings it, where the module has none of its own in `OF_MODULE`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if not module or module in OURS:
            raise
        extra = OF_MODULE.get(module, extra)
        versions = "; with which versions: docs/installation.md" if extra == "pipeline" else ""
        raise MissingExtraError(
            f"{who} needs {module}, which is not installed\n"
            f'  expected: the extra "{extra}" of {PACKAGE}\n'
            f"  what to do: pip install '{PACKAGE}[{extra}]'{versions}",
            name=module,
        ) from error
