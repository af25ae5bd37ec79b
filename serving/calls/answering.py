"""Predict requests of one event loop, from inputs that are checked to outputs: for REST and gRPC alike.

People's events are merged in, the model is called, and what was asked and answered is logged.
"""

from __future__ import annotations

from serving.calls.batching import Array
from serving.calls.call import Call
from serving.calls.from_loop import AsyncPredictor
from serving.events.merging import Merging
from serving.models.servable import Computation, Servable
from serving.request_log.request_log import RequestLog


class Answering:
    """Computes answers; to be used on one event loop only.

    Args:
      quiet_turns: As of AsyncPredictor.
      merging: Makes questions follow from events, too; None = there are none.
      log: Where requests are logged.
    """

    def __init__(self, quiet_turns: int, merging: Merging | None, log: RequestLog) -> None:
        self._predictor = AsyncPredictor(quiet_turns)
        self._merging = merging
        self._log = log

    async def outputs(
        self, call: Call, servable: Servable, target: Computation, arrays: list[Array], deadline: float
    ) -> list[Array]:
        """The outputs of a question, in the order of the target.

        Args:
          call: The request.
          servable: The version that answers.
          target: What is asked.
          arrays: In the order of the signature's inputs.
          deadline: In seconds of time.monotonic; infinite = as long as it takes.

        Raises:
          StatusError: It cannot be computed, or not in time.
          ClosedError: The version is being unloaded.
        """
        computed, inputs = target, arrays
        if self._merging is not None:
            computed, inputs = await self._merging.question(servable, target, arrays, self._predictor, deadline)
        outputs = await self._predictor.outputs(servable, computed, inputs, deadline)
        self._log.note(call, servable, target, arrays, outputs)
        return outputs
