"""What an evaluation must know of a bundle: length of its judged list, catalogue, ratings."""

from __future__ import annotations

import dataclasses
import json

from components.errors import InputError
from components.storage import storage_for
from serving.contract import BUNDLE_FILE, EVALUATE, EXTRA_ASSETS, SAVED_MODEL_FILE


@dataclasses.dataclass(frozen=True, kw_only=True)
class BundleFacts:
    """Facts from `bundle.json`.

    Attributes:
      list_length: Length of the lists of the signature `evaluate`; None where it is not told.
      items: Items in the catalogue; None where it is not told.
      live_items: Those with training rows; None where it is not told.
      has_ratings: Whether it predicts ratings.
      rating_range: The lowest and the highest training rating, in stars; None where it is not told.
    """

    list_length: int | None = None
    items: int | None = None
    live_items: int | None = None
    has_ratings: bool = True
    rating_range: tuple[float, float] | None = None

    @property
    def only_rating(self) -> float | None:
        """The rating that every training row has, in stars; None where they differ or it is not told."""
        if self.rating_range is None or self.rating_range[0] != self.rating_range[1]:
            return None
        return self.rating_range[0]


def read_bundle_facts(model: str) -> BundleFacts:
    """Reads the facts from the SavedModel folder `model`; defaults where there is no `bundle.json`."""
    path = f"{model}/{EXTRA_ASSETS}/{BUNDLE_FILE}"
    storage = storage_for(path)
    if not storage.exists(path):
        return BundleFacts()
    values = json.loads(b"".join(storage.read(path)))
    return BundleFacts(
        list_length=values.get("list_length"),
        items=values.get("items"),
        live_items=values.get("live_items"),
        has_ratings=bool(values.get("has_ratings", True)),
        rating_range=tuple(values["rating_range"]) if values.get("rating_range") else None,
    )


def require_evaluate_signature(model: str, version: str) -> None:
    """Checks that the served model can be judged at all.

    Raises:
      InputError: It has no signature `evaluate`.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    path = f"{model}/{SAVED_MODEL_FILE}"
    saved_model = saved_model_pb2.SavedModel.FromString(b"".join(storage_for(path).read(path)))
    signatures = sorted({name for graph in saved_model.meta_graphs for name in graph.signature_def})
    if EVALUATE not in signatures:
        raise InputError(
            f"the served version {version} cannot be compared: it has no signature `{EVALUATE}`",
            expected=f"a bundle of this project (signature `{EVALUATE}`) at the push destination",
            received="signatures " + ", ".join(name for name in signatures if not name.startswith("__")),
            action="push into another directory, or move that version away from this one",
        )
