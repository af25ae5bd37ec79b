"""Settings of the served bundle."""

from __future__ import annotations

import dataclasses

from components.seen_rule import SeenRule
from components.settings import require

KNOWN_ROWS = ("auto", "all", "before_test")
ORDERS = ("relevance", "stars", "blend")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BundleConfig:
    """Settings of the served bundle.

    Attributes:
      known_rows: What the served signatures know of a user: `all` rows, those `before_test`, or
        `auto`: before_test for presplit data (so that others can score the answers), else all.
      leave_out_seen: What a list leaves out of what the user has had: `always` all of it, `never` nothing,
        `for_days:N` what was had within N days before the latest row, or `auto`: never where the data have no ratings
        and a tenth of the rows repeat what the user had before, else always. Evaluation follows it: what a list may
        repeat counts as a hit.
      default_n: Items in an answer that names no number.
      retrieve_n: Items that the signature `retrieve` answers with.
      order: Order of the final list: `relevance` (retrieval score), `stars` (predicted rating) or
        `blend` of both, each in standard deviations from its mean over the candidates.
      blend_weight: Weight of the predicted stars in the blend; that of relevance is 1 less it.
      diversity: Weight of being unlike what stands above in the list (maximal marginal relevance on the
        candidates' vectors); 0 = off.
      rank_candidates: Candidates among which another order than relevance chooses.
    """

    known_rows: str = "auto"
    leave_out_seen: str = "auto"
    default_n: int = 10
    retrieve_n: int = 20
    order: str = "relevance"
    blend_weight: float = 0.5
    diversity: float = 0.0
    rank_candidates: int = 100

    def __post_init__(self) -> None:
        require(self.known_rows in KNOWN_ROWS, "bundle.known_rows", "one of " + ", ".join(KNOWN_ROWS), self.known_rows)
        SeenRule.parse(self.leave_out_seen)
        require(self.order in ORDERS, "bundle.order", "one of " + ", ".join(ORDERS), self.order)
        require(0 <= self.blend_weight <= 1, "bundle.blend_weight", "from 0 to 1", self.blend_weight)
        require(0 <= self.diversity < 1, "bundle.diversity", "from 0 to below 1", self.diversity)
        require(1 <= self.default_n <= 100, "bundle.default_n", "from 1 to 100", self.default_n)
        require(1 <= self.retrieve_n <= 100, "bundle.retrieve_n", "from 1 to 100", self.retrieve_n)
        require(self.rank_candidates >= 100, "bundle.rank_candidates", "100 or more", self.rank_candidates)
