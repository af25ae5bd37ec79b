"""The search: trial after trial by Optuna, kept in a file, so that it goes on wherever it was stopped.

What is tried depends on the seed and on the trials that have ended, and on nothing else: a search that was
killed and begun again tries the same settings as one that was not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna

from components.settings import from_mapping, to_mapping
from pipelines.config import PipelineConfig
from pipelines.tuning.parameters import SearchedSetting, Value
from pipelines.tuning.trials import DivergedError, Outcome, Trials

STARTUP_TRIALS = 5
"""Trials before the sampler models what it has seen, and before any is pruned."""
WARM_UP_SHARE = 0.2
"""The share of a trial's epochs during which it is not pruned."""

_STATE = optuna.trial.TrialState
_ENDED, _SECONDS, _EPOCHS, _BEST_EPOCH = "ended", "seconds", "epochs", "best_epoch"

FINISHED, PRUNED, DIVERGED = "", "pruned", "diverged"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial that has ended.

    Attributes:
      number: From 0, which is the preset itself.
      value: The metric; None where it diverged; of a pruned one the best until then.
      values: By name of the parameter, as they were trained with.
      seconds: Wall-clock time.
      epochs: Epochs trained.
      best_epoch: The epoch that counts; 0 where it was pruned or diverged.
      ended: `pruned`, `diverged`, or empty for one that was trained to its end.
    """

    number: int
    value: float | None
    values: Mapping[str, Value]
    seconds: float
    epochs: int
    best_epoch: int
    ended: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How to search.

    Attributes:
      trials: Trials in all, those of earlier sessions among them.
      seeds: Trainings a trial.
      seed: Of the sampler.
    """

    trials: int
    seeds: int = 1
    seed: int = 1


class Search:
    """Searches the settings of one model.

    Args:
      config: The preset's settings, with which trial 0 is trained.
      trials: Trains.
      parameters: What is searched.
      settings: How.
      storage: SQLite file, made where there is none. The caller makes sure that no other process uses it.
      identity: What else decides what a trial comes to, such as the fingerprint of the data. A search of the
        same identity, configuration and parameters goes on; any other begins anew in the same file.
    """

    def __init__(
        self,
        config: PipelineConfig,
        trials: Trials,
        parameters: Sequence[SearchedSetting],
        settings: SearchSettings,
        storage: Path,
        identity: Mapping[str, Any],
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._config = config
        self._trials = trials
        self._settings = settings
        self._own = {p.name: p.own(_read(config, p)) for p in parameters}
        self.parameters = tuple(p.holding(self._own[p.name]) for p in parameters)
        self._most_epochs = getattr(config, self.parameters[0].section).epochs
        self._study = optuna.create_study(
            study_name=self._name(identity),
            storage=f"sqlite:///{storage}",
            direction="maximize" if trials.higher_is_better else "minimize",
            load_if_exists=True,
        )
        for left_open in self._study.get_trials(deepcopy=False, states=(_STATE.RUNNING,)):
            self._study.tell(left_open.number, state=_STATE.FAIL)  # its process was killed

    @property
    def own(self) -> Mapping[str, Value]:
        """The preset's own values by name."""
        return self._own

    def ended(self) -> list[Trial]:
        """The trials that have ended, in their order; those whose process was killed are none."""
        kept = [one for one in self._study.get_trials(deepcopy=False) if _ENDED in one.user_attrs]
        return [self._trial(number, one) for number, one in enumerate(kept)]

    def best(self) -> Trial | None:
        """The best of those that were trained to their end, the first of equals; None where there is none."""
        sign = -1.0 if self._trials.higher_is_better else 1.0
        whole = [trial for trial in self.ended() if trial.ended == FINISHED and trial.value is not None]
        return min(whole, key=lambda trial: sign * (trial.value or 0.0), default=None)

    def importances(self) -> dict[str, float]:
        """Share of each parameter in the metric's variance (fANOVA); empty where that cannot be told.

        F. Hutter, H. Hoos, K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance",
        ICML 2014. Trials that were trained to their end count.
        """
        values = {trial.value for trial in self.ended() if trial.ended == FINISHED}
        if len(values) < 2:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self._settings.seed)
        shares = optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        return {name: float(share) for name, share in shares.items()}

    def run(
        self,
        on_trial: Callable[[Trial], None] = lambda trial: None,
        on_epoch: Callable[[int, int, float], None] = lambda number, epoch, best: None,
    ) -> None:
        """Tries until there are as many trials as asked for.

        Args:
          on_trial: Called after each.
          on_epoch: Called with the number of the trial, an epoch, and the best metric up to it.
        """
        while (number := len(self.ended())) < self._settings.trials:
            if number == 0 and not self._study.get_trials(deepcopy=False, states=(_STATE.WAITING,)):
                self._study.enqueue_trial(dict(self._own))
            self._study.sampler = optuna.samplers.TPESampler(
                seed=self._settings.seed + number, n_startup_trials=STARTUP_TRIALS
            )
            self._study.pruner = optuna.pruners.MedianPruner(
                n_startup_trials=STARTUP_TRIALS, n_warmup_steps=int(WARM_UP_SHARE * self._most_epochs)
            )
            self._try(number, on_epoch)
            on_trial(self.ended()[-1])

    def _try(self, number: int, on_epoch: Callable[[int, int, float], None]) -> None:
        start = time.monotonic()
        trial = self._study.ask()
        values = self._rounded({parameter.name: parameter.draw(trial) for parameter in self.parameters})
        epochs = 0

        def report(epoch: int, best: float) -> None:
            nonlocal epochs
            epochs = epoch
            on_epoch(number, epoch, best)
            trial.report(best, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        def note(ended: str, outcome: Outcome | None = None) -> None:
            trial.set_user_attr(_SECONDS, round(time.monotonic() - start, 3))
            trial.set_user_attr(_EPOCHS, outcome.epochs if outcome else epochs)
            trial.set_user_attr(_BEST_EPOCH, outcome.best_epoch if outcome else 0)
            trial.set_user_attr(_ENDED, ended)

        try:
            outcome = self._trials.train(self._configured(values), report, seeds=self._settings.seeds)
        except optuna.TrialPruned:
            note(PRUNED)
            self._study.tell(trial, state=_STATE.PRUNED)
        except DivergedError:
            note(DIVERGED)
            self._study.tell(trial, state=_STATE.FAIL)
        else:
            note(FINISHED, outcome)
            self._study.tell(trial, outcome.value)

    def _trial(self, number: int, one: Any) -> Trial:
        noted = one.user_attrs
        return Trial(
            number=number,
            value=one.value,
            values=self._rounded(one.params),
            seconds=noted[_SECONDS],
            epochs=noted[_EPOCHS],
            best_epoch=noted[_BEST_EPOCH],
            ended=noted[_ENDED],
        )

    def _rounded(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Values as they are trained with: few digits, but the preset's own ones as they are."""
        return {
            p.name: values[p.name] if values[p.name] == self._own[p.name] else p.rounded(values[p.name])
            for p in self.parameters
        }

    def _configured(self, values: Mapping[str, Value]) -> PipelineConfig:
        return with_values(self._config, values)

    def _name(self, identity: Mapping[str, Any]) -> str:
        section = self.parameters[0].section
        said = {
            "identity": dict(identity),
            "model": to_mapping(self._config)[section],
            "parameters": [[type(p).__name__, *map(str, dataclasses.astuple(p))] for p in self.parameters],
            "seeds": self._settings.seeds,
            "seed": self._settings.seed,
        }
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        return f"{section}-{digest[:12]}"


def with_values(config: PipelineConfig, values: Mapping[str, Value]) -> PipelineConfig:
    """The configuration with other values of some settings, by `section.key`."""
    mapping = to_mapping(config)
    for name, value in values.items():
        section, _, key = name.partition(".")
        mapping[section][key] = value
    return from_mapping(PipelineConfig, mapping)


def _read(config: PipelineConfig, parameter: SearchedSetting) -> Any:
    return getattr(getattr(config, parameter.section), parameter.key)
