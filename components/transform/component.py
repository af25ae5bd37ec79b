"""Wires TFX's Transform: vocabularies from the rows that models are fit on, nothing materialized."""

from tfx.components import Transform
from tfx.proto import transform_pb2
from tfx.types import BaseChannel

from components import features
from components.transform.preprocessing import CONFIG

PREPROCESSING_FN = "components.transform.preprocessing.preprocessing_fn"


def create_transform(examples: BaseChannel, schema: BaseChannel, config: str, *, refit: bool = False) -> Transform:
    """The node that makes the transform graph.

    Rows are not materialized: the trainers read raw rows and apply the graph to users and to the
    catalogue once, which is a thousand times less work than to every interaction.

    Args:
      examples: Interactions; only their split train is read, with `refit` train and eval.
      schema: Schema of the interactions.
      config: A TransformConfig as one line of JSON.
      refit: Whether the judged models are fit on train + eval.
    """
    fitted = features.FITTED_SPLITS[refit]
    return Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn=PREPROCESSING_FN,
        splits_config=transform_pb2.SplitsConfig(analyze=list(fitted), transform=[features.TRAIN]),
        materialize=False,
        disable_analyzer_cache=True,
        disable_statistics=True,
        force_tf_compat_v1=False,
        custom_config={CONFIG: config},
    )
