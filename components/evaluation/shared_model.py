"""Loads a bundle for TFMA in any Beam worker, ScaNN's operations first."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow_model_analysis as tfma

from serving.scann_operations import load_operations

PATH = f"{__name__}.scann_ready_model"


def scann_ready_model(eval_saved_model_path: str, model_name: str, eval_config: Any, **_: Any) -> Any:
    """TFX's hook `custom_eval_shared_model`: the default model behind an import."""
    shared = tfma.default_eval_shared_model(
        eval_saved_model_path=eval_saved_model_path, model_name=model_name, eval_config=eval_config
    )
    loader = shared.model_loader
    construct = functools.partial(_construct, loader.construct_fn, eval_saved_model_path)
    return shared._replace(model_loader=tfma.ModelLoader(construct_fn=construct, tags=loader.tags))


def _construct(construct: Any, model: str) -> Any:
    load_operations(model)
    return construct()
