"""Settings of the served bundle."""

from __future__ import annotations

from typing import Annotated

from components.seen_rule import SeenRule
from components.settings import Fraction, Share, at_least, between, one_of, settings

KNOWN_ROWS = ("auto", "all", "before_test")
ORDERS = ("relevance", "stars", "blend")


@settings("bundle")
class BundleConfig:
    """Settings of the served bundle.

    Attributes:
      known_rows: What the served signatures know of a user: `all` rows, those `before_test`, or
        `auto`: before_test for presplit data (so that others can score the answers), else all.
      leave_out_seen: Which of the items that the user has had are left out of a list: `always` all, `never` none,
        `for_days:N` those had within N days before the latest row, or `auto`: never where the data have no ratings
        and a tenth of the rows repeat what the user had before, else always. Evaluation follows it: items that a list
        may repeat count as hits.
      default_n: Items in an answer to a request that names no number.
      retrieve_n: Items that the signature `retrieve` answers with.
      order: Order of the final list: `relevance` (retrieval score), `stars` (predicted rating) or
        `blend` of both, each in standard deviations from its mean over the candidates.
      blend_weight: Weight of the predicted stars in the blend; that of relevance is 1 minus it.
      diversity: Weight of being unlike what stands above in the list (maximal marginal relevance on the
        candidates' vectors); 0 = off.
      rank_candidates: Number of candidates from which an order other than relevance chooses.
    """

    known_rows: Annotated[str, one_of(*KNOWN_ROWS)] = "auto"
    leave_out_seen: str = "auto"
    default_n: Annotated[int, between(1, 100)] = 10
    retrieve_n: Annotated[int, between(1, 100)] = 20
    order: Annotated[str, one_of(*ORDERS)] = "relevance"
    blend_weight: Fraction = 0.5
    diversity: Share = 0.0
    rank_candidates: Annotated[int, at_least(100)] = 100

    def __post_init__(self) -> None:
        SeenRule.parse(self.leave_out_seen)
