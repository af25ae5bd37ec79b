"""The whole configuration: one frozen dataclass a stage, presets as TOML, overrides by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli

from components.baselines.config import PeersConfig
from components.batch_scoring.config import BatchScoresConfig
from components.bundle.config import BundleConfig
from components.embeddings.config import EmbeddingsConfig
from components.errors import InputError
from components.evaluation.config import EvaluationConfig
from components.feature_specs import FILTERED, FeaturesConfig
from components.index.config import IndexConfig
from components.ingestion.config import DataConfig, SplitConfig
from components.ranking.architectures import DEFAULT, find_architecture
from components.ranking.config import RankingConfig
from components.report.config import ReportConfig
from components.retrieval.config import RetrievalConfig
from components.settings import from_mapping, require, settings
from components.training.config import TrainingConfig
from components.validation.config import StatisticsConfig

PRESETS = Path(__file__).parent / "presets"


@settings()
class PipelineConfig:
    """Everything that decides what a run computes; each field is a section of a preset."""

    data: DataConfig = DataConfig()
    split: SplitConfig = SplitConfig()
    features: FeaturesConfig = FeaturesConfig()
    statistics: StatisticsConfig = StatisticsConfig()
    training: TrainingConfig = TrainingConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    ranking: RankingConfig = RankingConfig()
    index: IndexConfig = IndexConfig()
    embeddings: EmbeddingsConfig = EmbeddingsConfig()
    bundle: BundleConfig = BundleConfig()
    peers: PeersConfig = PeersConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()
    batch_scores: BatchScoresConfig = BatchScoresConfig()

    def __post_init__(self) -> None:
        for name in ("retrieval", "ranking"):
            length = getattr(self, name).history_length
            require(
                length <= self.split.history_length,
                f"{name}.history_length",
                f"at most split.history_length ({self.split.history_length}), what eval and test rows carry",
                length,
            )
        named = (f"{spec.entity}.{spec.name}" for spec in self.features.specs() if spec.kind in FILTERED)
        sliced = dict.fromkeys((*EvaluationConfig().slices, *named))  # genres are in every row, feature or not
        for name in self.evaluation.slices:
            require(name in sliced, "evaluation.slices", "categorical features: " + ", ".join(sliced), name)


def preset_names() -> list[str]:
    """Names of the presets that come with the project."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load(preset: str, overrides: Iterable[str] = (), data_options: Mapping[str, Any] | None = None) -> PipelineConfig:
    """Reads a preset and lays overrides over it.

    Args:
      preset: Name of a preset, or path of a TOML file.
      overrides: `section.key=value` each, as given with `--set`.
      data_options: Values of the `data` section that come from options of their own.

    Raises:
      InputError: No such preset, broken TOML, an unknown key or an impossible value.
    """
    values = _read(preset)
    for override in overrides:
        section, key, value = _parse_override(override)
        table = values.setdefault(section, {})
        *tables, key = key.split(".")
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
    ranking = values.get("ranking", {})
    architecture = find_architecture(str(ranking.get("architecture", DEFAULT)))
    values["ranking"] = {**architecture.defaults, **ranking}
    if data_options:
        values["data"] = {**values.get("data", {}), **data_options}
    return from_mapping(PipelineConfig, values)


def _read(preset: str) -> dict[str, Any]:
    path = Path(preset) if preset.endswith(".toml") else PRESETS / f"{preset}.toml"
    if not path.is_file():
        raise InputError(
            f"there is no preset `{preset}`",
            expected="one of " + ", ".join(preset_names()) + ", or the path of a .toml file",
            received=preset,
            action="choose one with --preset",
        )
    try:
        values = tomli.loads(path.read_text(encoding="utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"the preset {path} is not valid TOML: {error}",
            action="correct the file; docs/configuration.md has examples",
        ) from error
    for name, section in values.items():
        if not isinstance(section, Mapping):
            raise InputError(
                f"`{name}` of the preset {path} is not a section",
                expected=f"[{name}] on a line of its own, and its settings below, one a line",
                received=f"{name} = {section!r}",
                action="docs/configuration.md has every section with its settings",
            )
    return values


def _parse_override(override: str) -> tuple[str, str, str]:
    name, equals, value = override.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise InputError(
            f"cannot read the override `{override}`",
            expected="section.key=value, for instance retrieval.epochs=10",
            received=override,
            action="write --set section.key=value",
        )
    return section, key, value.strip()
