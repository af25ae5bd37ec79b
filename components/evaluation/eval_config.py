"""Builds TFMA's EvalConfig: what is measured, in which slices, and the thresholds of the blessing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components import features
from components.evaluation import metric_names as names
from components.evaluation.bundle_facts import BundleFacts
from components.evaluation.comparisons import Comparison, list_comparisons, list_length, rating_comparisons
from components.evaluation.config import EvaluationConfig
from components.feature_specs import ITEM
from serving import contract

_MODULES = {"ListFigures": "list_figures", "RatingFigures": "rating_figures", "Exposure": "exposure"}
_STRICTLY = 1e-9  # TFMA's bounds are inclusive: a lift of exactly 0 must not pass "above 0"


def of_items(key: str) -> bool:
    """Whether a slice is of ratings only. TFMA slices every metric, but a user's list belongs to no item's slice."""
    return key.startswith(f"{ITEM}_")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """What is judged, and on what.

    Attributes:
      model: Facts of the bundle that is judged.
      served: Facts of the served bundle; None where nothing is served.
      has_ratings: Whether the test rows have ratings; without them nothing is said of stars.
      has_new_users: Whether some users were kept out of training.
      popularity: File with the training rows of each item, from PeerLists; "" where there is none.
    """

    model: BundleFacts
    served: BundleFacts | None
    has_ratings: bool
    has_new_users: bool = False
    popularity: str = ""

    def uncompared(self, config: EvaluationConfig) -> list[Comparison]:
        """The gates against the served bundle, where nothing is served: as if it were one like the judged one."""
        if self.served is not None:
            return []
        alike = dataclasses.replace(self, served=self.model).comparisons(config)
        return [one for one in alike if one.other == names.SERVED]

    @property
    def judges_ratings(self) -> bool:
        """Whether the predicted ratings are judged: a model that saw one rating everywhere has learned nothing of them.

        It and the means then both predict that rating: neither can be better, and a ratio of two errors of 0 is
        no number.
        """
        return self.has_ratings and self.model.only_rating is None

    def comparisons(self, config: EvaluationConfig) -> list[Comparison]:
        """All gates, those of the lists first."""
        found = list_comparisons(config, self.model, self.served)
        return found + (rating_comparisons(config, self.served) if self.judges_ratings else [])


def build_eval_config(config: EvaluationConfig, judged: Judged) -> Any:
    """The `tfma.EvalConfig` of these settings for these bundles.

    - A cut-off beyond the bundle's list becomes the list's length, in the figures' names too.
    - Recall is compared with the served bundle's at the shorter of the two lists.
    - Nothing is compared where nothing is served, nor ratings with a served bundle that has none.
    """
    label_keys = {contract.ITEM_IDS: features.HELD_OUT_ITEM_IDS}
    metrics_specs = [_list_spec(config, judged)]
    named = [name.replace(".", "_", 1) for name in config.slices]
    slices = [features.USER_ACTIVITY, *([features.REQUEST_HISTORY] if judged.has_new_users else [])]
    slices += [key for key in named if not of_items(key)]
    if judged.judges_ratings:
        label_keys[contract.PREDICTED_RATING] = features.RATING
        metrics_specs.append(_rating_spec(config, judged))
        slices += [features.ITEM_POPULARITY, *filter(of_items, named)]
    return config_pb2.EvalConfig(
        model_specs=[
            # No name: TFX adds candidate and baseline. The type keeps TFMA from loading the model to guess it.
            config_pb2.ModelSpec(
                signature_name=contract.EVALUATE, label_keys=label_keys, model_type=tfma.constants.TF_GENERIC
            )
        ],
        slicing_specs=[config_pb2.SlicingSpec(), *(config_pb2.SlicingSpec(feature_keys=[key]) for key in slices)],
        metrics_specs=metrics_specs,
    )


def _list_spec(config: EvaluationConfig, judged: Judged) -> Any:
    comparisons = list_comparisons(config, judged.model, judged.served)
    length = list_length(config, judged.model)
    cut_offs = {min(cut_off, length) for cut_off in (config.k, *config.cut_offs)}
    cut_offs |= {names.cut_off_of(one.score) for one in comparisons if names.AT in one.score}
    figures = _metric(
        "ListFigures",
        cut_offs=sorted(cut_offs, reverse=True),
        tolerances=_tolerances(comparisons),
        samples=config.bootstrap_samples,
        seed=config.seed,
        metrics=config.metrics,
    )
    exposure = _metric(
        "Exposure",
        cut_off=names.COVERAGE_CUT_OFF,
        catalogue_size=judged.model.items or 0,
        popularity=judged.popularity,
    )
    return _spec(contract.ITEM_IDS, [figures, exposure], comparisons)


def _rating_spec(config: EvaluationConfig, judged: Judged) -> Any:
    comparisons = rating_comparisons(config, judged.served)
    served = judged.served
    figures = _metric(
        "RatingFigures",
        tolerances=_tolerances(comparisons),
        with_served=served is not None and served.has_ratings and served.only_rating is None,
        samples=config.bootstrap_samples,
        seed=config.seed,
    )
    return _spec(contract.PREDICTED_RATING, [figures], comparisons)


def _tolerances(comparisons: Sequence[Comparison]) -> dict[str, float]:
    return {comparison.figure: comparison.bound for comparison in comparisons if not comparison.must_win}


def _metric(class_name: str, **options: Any) -> Any:
    module = f"components.evaluation.metrics.{_MODULES[class_name]}"
    return config_pb2.MetricConfig(class_name=class_name, module=module, config=json.dumps(options, sort_keys=True))


def _spec(output: str, metrics: list[Any], comparisons: Sequence[Comparison]) -> Any:
    spec = config_pb2.MetricsSpec(output_names=[output], metrics=metrics)
    for comparison in comparisons:
        # By name in the spec, for one metric class makes many figures. And for all rows only: without slicing specs
        # it would hold in every slice, and one empty genre would refuse a good model.
        threshold = config_pb2.PerSliceMetricThreshold(
            slicing_specs=[config_pb2.SlicingSpec()],
            threshold=config_pb2.MetricThreshold(value_threshold=_threshold(comparison)),
        )
        spec.per_slice_thresholds[comparison.checked].thresholds.append(threshold)
    return spec


def _threshold(comparison: Comparison) -> Any:
    if not comparison.must_win:
        return config_pb2.GenericValueThreshold(lower_bound={"value": 0.0})  # of the headroom
    if comparison.higher_is_better:
        return config_pb2.GenericValueThreshold(lower_bound={"value": comparison.bound + _STRICTLY})
    return config_pb2.GenericValueThreshold(upper_bound={"value": comparison.bound - _STRICTLY})
