"""The models that the tests of serving ask, and the configuration that serves them.

`python -m tests.serving.models FOLDER` writes them for a server that runs elsewhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

CONFIG_FILE = "models.config"
CONFIG = """\
model_config_list {{
  config {{
    name: "calculator"
    base_path: "{folder}/calculator"
    model_platform: "tensorflow"
    model_version_policy {{ specific {{ versions: 1 versions: 2 }} }}
    version_labels {{ key: "stable" value: 1 }}
    version_labels {{ key: "canary" value: 2 }}
  }}
  config {{
    name: "recommender"
    base_path: "{folder}/recommender"
    model_platform: "tensorflow"
    version_labels {{ key: "stable" value: 1 }}
  }}
}}
"""


def save_models(folder: Path) -> None:
    """Writes `calculator` (two versions), `recommender` and models.config."""
    from tests.serving.contract.calculator import save_calculators
    from tests.serving.six_items import save_six_items

    save_calculators(folder / "calculator")
    save_six_items(folder / "recommender")
    (folder / CONFIG_FILE).write_text(CONFIG.format(folder=folder), encoding="utf-8")


if __name__ == "__main__":
    save_models(Path(sys.argv[1]).absolute())
