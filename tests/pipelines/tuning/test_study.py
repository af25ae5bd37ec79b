"""The search on a function that is known: -(log10(learning rate) + 2)² - (target decay - 1)², largest at .01 and 1."""

import math

import pytest

from pipelines.config import load
from pipelines.tuning.search_space import searched
from pipelines.tuning.study import DIVERGED, FINISHED, PRUNED, Search, SearchSettings
from pipelines.tuning.trials import DivergedError, Outcome

NAMES = ("retrieval.learning_rate", "retrieval.target_decay")
TRAITS = frozenset({"full_softmax", "ordered"})
START = ("retrieval.learning_rate=0.04", "retrieval.target_decay=0.25")


def known(config):
    return -((math.log10(config.retrieval.learning_rate) + 2) ** 2) - (config.retrieval.target_decay - 1) ** 2


class KnownFunction:
    """Stands where a training would: ten epochs, each nearer to the value of the settings."""

    metric, higher_is_better, traits = "NDCG@100", True, TRAITS

    def __init__(self, stop_in=None, diverges=lambda config: False):
        self.seen = []
        self._stop_in = stop_in
        self._diverges = diverges

    def train(self, config, report, *, seeds=1):
        if self._diverges(config):
            raise DivergedError("nan")
        if len(self.seen) == self._stop_in:
            raise KeyboardInterrupt  # leaves the trial open, as kill -9 does
        self.seen.append((config.retrieval.learning_rate, config.retrieval.target_decay))
        for epoch in range(1, 11):
            report(epoch, known(config) - 1 / epoch)
        return Outcome(value=known(config), epochs=10, best_epoch=10)


def search(folder, function, trials=12, **changes):
    config = load("demo", [*START, "retrieval.epochs=10"])
    options = {"identity": {"data": "a"}, **changes}
    settings = SearchSettings(trials=trials, seed=options.pop("seed", 1))
    return Search(config, function, searched("retrieval", TRAITS, NAMES), settings, folder / "tuning.sqlite", **options)


def test_trial_0_is_the_preset_and_the_best_is_the_largest_value(tmp_path):
    function = KnownFunction()
    done = search(tmp_path, function)
    done.run()
    ended = done.ended()
    assert [trial.number for trial in ended] == list(range(12))
    assert function.seen[0] == (0.04, 0.25)
    assert ended[0].values == {"retrieval.learning_rate": 0.04, "retrieval.target_decay": 0.25}
    # -(log10(.04) + 2)² - .75² = -.6021² - .5625 by hand
    assert ended[0].value == pytest.approx(-0.92497, abs=1e-5)
    whole = [trial for trial in ended if trial.ended == FINISHED]
    assert done.best().value == max(trial.value for trial in whole)
    assert [trial.value for trial in whole] == [
        known(load("demo", [f"{name}={value}" for name, value in trial.values.items()])) for trial in whole
    ]


def test_an_interrupted_search_goes_on_with_the_settings_that_a_whole_one_tries(tmp_path):
    (tmp_path / "whole").mkdir()
    whole = KnownFunction()
    search(tmp_path / "whole", whole, 9).run()
    first = KnownFunction(stop_in=0)  # within trial 0, then within trial 4
    second, third = KnownFunction(stop_in=4), KnownFunction()
    for stopped in (first, second):
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path, stopped, 9).run()
    again = search(tmp_path, third, 9)
    assert [trial.number for trial in again.ended()] == [0, 1, 2, 3]
    again.run()
    assert [trial.number for trial in again.ended()] == list(range(9))
    assert first.seen + second.seen + third.seen == whole.seen


def test_more_trials_go_on_and_as_many_as_there_are_train_nothing(tmp_path):
    search(tmp_path, KnownFunction(), 3).run()
    same, more = KnownFunction(), KnownFunction()
    search(tmp_path, same, 3).run()
    search(tmp_path, more, 5).run()
    assert same.seen == []
    assert len(more.seen) == 2


@pytest.mark.parametrize("changes", [{"identity": {"data": "b"}}, {"seed": 2}])
def test_other_data_or_another_seed_begin_a_search_of_their_own(tmp_path, changes):
    search(tmp_path, KnownFunction(), 3).run()
    other = search(tmp_path, KnownFunction(), 3, **changes)
    assert other.ended() == []
    other.run()
    assert len(search(tmp_path, KnownFunction(), 3).ended()) == 3


def test_a_hopeless_trial_is_pruned_before_its_last_epoch_and_is_never_the_best(tmp_path):
    done = search(tmp_path, KnownFunction(), 20)
    done.run()
    pruned = [trial for trial in done.ended() if trial.ended == PRUNED]
    assert pruned
    assert all(2 <= trial.epochs < 10 for trial in pruned)  # a fifth of the epochs is given to everybody
    assert all(trial.number >= 5 for trial in pruned)
    assert done.best().ended == FINISHED


def test_a_trial_that_diverges_is_counted_and_the_search_goes_on(tmp_path):
    function = KnownFunction(diverges=lambda config: config.retrieval.learning_rate > 0.02)
    done = search(tmp_path, function, 8)
    done.run()
    ended = done.ended()
    assert ended[0].ended == DIVERGED  # the preset's own .04
    assert ended[0].value is None
    assert len(ended) == 8
    assert done.best().values["retrieval.learning_rate"] <= 0.02


def test_importances_are_shares_and_the_setting_that_decides_has_the_larger_one(tmp_path):
    class OneCounts(KnownFunction):
        def train(self, config, report, *, seeds=1):
            self.seen.append(config.retrieval.learning_rate)
            return Outcome(value=-((math.log10(config.retrieval.learning_rate) + 2) ** 2), epochs=1, best_epoch=1)

    done = search(tmp_path, OneCounts(), 20)
    done.run()
    shares = done.importances()
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["retrieval.learning_rate"] > 0.9


def test_nothing_is_said_of_importances_where_all_trials_came_to_the_same(tmp_path):
    class Flat(KnownFunction):
        def train(self, config, report, *, seeds=1):
            return Outcome(value=0.5, epochs=1, best_epoch=1)

    done = search(tmp_path, Flat(), 3)
    done.run()
    assert done.importances() == {}
    assert done.best().number == 0  # the first of equals
