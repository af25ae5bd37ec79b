"""The Evaluator: judges exactly what will be served, against popularity and the served version."""

from __future__ import annotations

from typing import Any

from tfx.components.evaluator.component import Evaluator
from tfx.dsl.components.base import executor_spec

from components.evaluation import executor
from components.features import TEST


class RecommenderEvaluator(Evaluator):  # type: ignore[misc]
    """TFX's Evaluator on the test rows, with a baseline that may be absent.

    Outputs: `evaluation` (TFMA's files and `gates.json`) and `blessing`.

    Args:
      examples: Examples with a split `test`.
      model: The bundle.
      eval_config: `eval_config.build_eval_config(…)`.
      baseline_model: What is served, from ServedModel; may be marked absent.
    """

    # A Beam executor spec, or the executor gets no Beam arguments.
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, examples: Any, model: Any, eval_config: Any, baseline_model: Any | None = None) -> None:
        super().__init__(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            eval_config=eval_config,
            example_splits=[TEST],
        )
