"""Wires the Trainer that both models share."""

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import BaseChannel, Channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import json_utils

from components import features
from components.training.config import NONE
from components.training.executor import Executor
from components.training.inputs import (
    CONFIG,
    EPOCHS,
    ITEMS,
    LEARNING_RATE,
    SEQUENCES,
    SPLIT,
    STRATEGY,
    WARM_EPOCHS,
    WEIGHTS,
)


class RecommenderTrainerSpec(standard_component_specs.TrainerSpec):
    """TFX Trainer's inputs, outputs and properties, two more inputs, and what a run may override."""

    INPUTS = {
        **standard_component_specs.TrainerSpec.INPUTS,
        ITEMS: ChannelParameter(type=standard_artifacts.Examples),
        SEQUENCES: ChannelParameter(type=standard_artifacts.Examples),
    }
    PARAMETERS = {
        **standard_component_specs.TrainerSpec.PARAMETERS,
        EPOCHS: ExecutionParameter(type=int, optional=True),
        LEARNING_RATE: ExecutionParameter(type=float, optional=True),
    }


class RecommenderTrainer(base_component.BaseComponent):
    """TFX Trainer whose `run_fn` also gets the whole catalogue and every user's rows in order.

    `run_fn(fn_args: FnArgs)` must write its model to `fn_args.serving_model_dir`. It reads
    `fn_args.eval_files` (patterns of the split), `fn_args.transform_output`, `fn_args.model_run_dir` and
    `fn_args.custom_config`: `{"config": "<JSON>", "strategy": name, "split": "<JSON>", "items": [pattern],
    "sequences": [pattern], "refit": bool, "liked_from": float or None, "leave_out_seen": rule}` (inputs.py).

    Args:
      examples: Held-out interactions with a split eval.
      items: The entities, whose split `items` is the catalogue.
      sequences: One Example a user.
      transform_graph: What Transform made.
      run_fn: Dotted path of the function, for instance `components.ranking.training.run_fn`.
      config: Its settings as one line of JSON.
      strategy: How the training is spread over processors (`TrainingConfig.strategy`).
      split: How rows are parted, a SplitConfig as JSON; noted with the weights.
      served: The bundle whose weights the training starts from; None: it starts anew.
      weights: Which weights of it (components/training/warm_start.py).
      warm_epochs: Most epochs of a training that starts from them.
      schema: Schema of the interactions; handed on as `fn_args.schema_path`.
      overrides: `epochs` and `learning_rate` of a run, in place of those in `config`.

    Outputs: `model` (standard Model) and `model_run` (standard ModelRun).
    """

    SPEC_CLASS = RecommenderTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        items: BaseChannel,
        sequences: BaseChannel,
        transform_graph: BaseChannel,
        run_fn: str,
        config: str,
        strategy: str = NONE,
        split: str = "",
        served: BaseChannel | None = None,
        weights: str = "",
        warm_epochs: int = 0,
        schema: BaseChannel | None = None,
        **overrides: Any,
    ) -> None:
        warm = {} if served is None else {WEIGHTS: weights, WARM_EPOCHS: warm_epochs}
        super().__init__(
            RecommenderTrainerSpec(
                examples=examples,
                items=items,
                sequences=sequences,
                transform_graph=transform_graph,
                schema=schema,
                base_model=served,
                run_fn=run_fn,
                train_args=trainer_pb2.TrainArgs(splits=[features.EVAL]),
                eval_args=trainer_pb2.EvalArgs(splits=[features.EVAL]),
                custom_config=json_utils.dumps({CONFIG: config, STRATEGY: strategy, SPLIT: split, **warm}),
                model=Channel(type=standard_artifacts.Model),
                model_run=Channel(type=standard_artifacts.ModelRun),
                **overrides,
            )
        )
