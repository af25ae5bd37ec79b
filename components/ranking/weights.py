"""The tables of a rating model with the names of their rows, to be written and started from."""

from __future__ import annotations

from components import features
from components.feature_specs import TEXT
from components.ranking.rating_model import RatingModel
from components.training.users import Users
from components.training.warm_start import UNKNOWN, Tables, WeightTable
from components.transform.content import Content, position_names
from components.transform.graph import TransformGraph


def tables_of(model: RatingModel, graph: TransformGraph, content: Content, users: Users | None) -> Tables:
    """Every weight of a model that has been called once.

    Args:
      model: Built for the data.
      graph: Knows the vocabularies.
      content: Of the features of items.
      users: What is known of users.
    """
    names = {
        "user": [*graph.vocabulary(features.USER_VOCABULARY), UNKNOWN],
        "item": [*graph.vocabulary(features.ITEM_VOCABULARY), UNKNOWN],
    }
    rows = {
        **dict.fromkeys(("user_bias", "user_ids", "rater_users"), names["user"]),
        **dict.fromkeys(("item_bias", "item_ids", "history_items"), names["item"]),
    }
    for block in content.blocks:
        if block.spec.kind == TEXT:  # of which the model reads nothing
            continue
        of_block = position_names([block], graph)
        rows |= dict.fromkeys((f"item_{block.spec.name}", f"item_{block.spec.name}_bias"), of_block)
    if users is not None:
        rows |= dict.fromkeys(("user_content", "user_content_bias"), position_names(users.content.blocks, graph))
    found: dict[str, WeightTable] = {}
    for number, variable in enumerate(model.trainable_variables):
        name = variable.name.split(":")[0]
        known = rows.get(name)
        found[name if known else f"{number}.{name}"] = WeightTable(variable, known)
    return found
