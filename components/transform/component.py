"""Wires TFX's Transform: vocabularies from items and users, weighted by their rows, nothing materialized."""

from collections.abc import Iterable

from tfx.components import Transform
from tfx.proto import transform_pb2
from tfx.types import BaseChannel

from components import features
from components.feature_specs import FeatureSpec, specs_to_json
from components.transform.preprocessing import SPECS

PREPROCESSING_FN = "components.transform.preprocessing.preprocessing_fn"


def create_transform(entities: BaseChannel, schema: BaseChannel, specs: Iterable[FeatureSpec]) -> Transform:
    """The node that makes the transform graph.

    Items and users are analysed, each with the number of its rows, so the work does not grow with the interactions.
    Nothing is materialized: trainers apply the graph to users and to the catalogue once.

    Args:
      entities: Items and users.
      schema: Their schema.
      specs: Features of items and users.
    """
    return Transform(
        examples=entities,
        schema=schema,
        preprocessing_fn=PREPROCESSING_FN,
        splits_config=transform_pb2.SplitsConfig(
            analyze=[features.ITEMS_SPLIT, features.USERS_SPLIT], transform=[features.ITEMS_SPLIT]
        ),
        materialize=False,
        disable_analyzer_cache=True,
        disable_statistics=True,
        force_tf_compat_v1=False,
        custom_config={SPECS: specs_to_json(specs)},
    )
