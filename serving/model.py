"""One loaded bundle, asked in process; what the server and the command line stand on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving import contract
from serving.missing_extra import needs_extra
from serving.questions import BundleQuestions
from serving.scann_operations import load_operations


class LoadedBundle(BundleQuestions):
    """A bundle in memory.

    Args:
      path: A version's folder, with saved_model.pb.
    """

    def __init__(self, path: str | Path) -> None:
        with needs_extra("LoadedBundle", "serving"):
            import tensorflow as tf

        self.path = Path(path)
        self.facts = self._extra(contract.BUNDLE_FILE)
        load_operations(self.path)
        self._tf = tf
        self._model = tf.saved_model.load(str(self.path))
        self._catalogue: dict[str, Any] | None = None

    @property
    def signatures(self) -> dict[str, Any]:
        """The callable signatures by name."""
        return dict(self._model.signatures)

    @property
    def catalogue(self) -> dict[str, Any]:
        """Items (id, title, values of features) and some user ids."""
        if self._catalogue is None:
            self._catalogue = self._extra(contract.CATALOGUE_FILE)
        return self._catalogue

    @property
    def known_users(self) -> list[str]:
        """Some users whom the bundle knows (as many as catalogue.json lists)."""
        return list(self.catalogue.get("users", []))

    @property
    def filters(self) -> list[str]:
        """All filters that some item meets, `feature=value`, sorted."""
        return filters_of(self.catalogue)

    def _outputs(self, signature: str, inputs: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        asked = self._model.signatures[signature]
        specs = asked.structured_input_signature[1]
        outputs = asked(**{name: self._tf.constant(values, specs[name].dtype) for name, values in inputs.items()})
        return {name: _as_texts(tensor.numpy().tolist()) for name, tensor in outputs.items()}

    def _extra(self, name: str) -> dict[str, Any]:
        path = self.path / contract.EXTRA_ASSETS / name
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def filters_of(catalogue: Mapping[str, Any]) -> list[str]:
    """All filters that some item of a catalogue meets, `feature=value`, sorted."""
    return sorted(
        {
            f"{feature}={value}"
            for item in catalogue.get("items", [])
            for feature, values in item["features"].items()
            for value in values
        }
    )


def _as_texts(values: Any) -> Any:
    """Bytes, in lists of any depth, as texts."""
    if isinstance(values, list):
        return [_as_texts(value) for value in values]
    return values.decode("utf-8", "replace") if isinstance(values, bytes) else values
