"""What other programs import: the version, a client of a server, and a bundle that answers in this process.

    from tfx_recommenders import LoadedBundle, RecommenderClient

Each needs its extra (`client`; `serving`) and is imported when it is asked for: `import tfx_recommenders` alone
needs neither TensorFlow nor httpx. The pipeline itself is the command `recommender`.
"""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.client import RecommenderClient as RecommenderClient
    from serving.model import LoadedBundle as LoadedBundle

__version__ = metadata.version("tfx-recommenders")
__all__ = ["LoadedBundle", "RecommenderClient", "__version__"]

_MODULES = {"LoadedBundle": "serving.model", "RecommenderClient": "serving.client"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
