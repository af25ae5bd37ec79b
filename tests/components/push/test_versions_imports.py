"""The command line asks for versions without waiting for TensorFlow."""

from __future__ import annotations

import subprocess
import sys


def test_versions_and_results_import_neither_tensorflow_nor_tfx() -> None:
    code = (
        "import sys, components.push.versions, components.push.publish, components.evaluation.results;"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'tensorflow', 'tfx', 'apache_beam'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
