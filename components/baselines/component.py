"""PeerLists: popularity's and a peer's recommendations as columns of the test rows."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, component_spec, standard_artifacts

from components.baselines import executor

_Channel, _Parameter = component_spec.ChannelParameter, component_spec.ExecutionParameter


class PeerListsSpec(component_spec.ComponentSpec):
    """Test rows, catalogue and sequences in; test rows with further lists out."""

    PARAMETERS = {
        executor.CONFIG: _Parameter(type=str),
        executor.JUDGED_K: _Parameter(type=int),
    }
    INPUTS = {
        executor.EXAMPLES: _Channel(type=standard_artifacts.Examples),
        executor.ITEMS: _Channel(type=standard_artifacts.Examples),
        executor.SEQUENCES: _Channel(type=standard_artifacts.Examples),
    }
    OUTPUTS = {executor.JUDGED_ROWS: _Channel(type=standard_artifacts.Examples)}


class PeerLists(base_component.BaseComponent):
    """Adds `popular_item_ids` and `peer_item_ids` to the marked rows of the split test.

    The peer is the best one on eval of those that the data allow (peers.py); its name is the output's property `peer`.
    Both learn from the rows that the models learn from, know of a user what the row says, and
    leave out the seen items. They do not come from the bundle, which cannot make them weaker.

    Output `judged_rows`: Examples with the split test, every row in its order.

    Args:
      examples: Interactions with a split test.
      items: The entities; their split `items` is the catalogue.
      sequences: Every row of every user; those that the models were fit on are read.
      config: A PeersConfig as JSON.
      judged_k: Length of the judged list; a tenth of the items with training rows where that is shorter.
    """

    SPEC_CLASS = PeerListsSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        items: BaseChannel,
        sequences: BaseChannel,
        config: str,
        judged_k: int,
    ) -> None:
        super().__init__(
            PeerListsSpec(
                examples=examples,
                items=items,
                sequences=sequences,
                config=config,
                judged_k=judged_k,
                judged_rows=Channel(type=standard_artifacts.Examples),
            )
        )
