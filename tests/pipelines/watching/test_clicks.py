"""What came of lists: hits, ranks, and which version is better."""

import numpy as np
import pytest

from pipelines.watching.answers import Answered
from pipelines.watching.clicks import clicks_of
from serving.events.event import Event
from serving.request_log.record import hashed

DAY = 86_400


def answered(request_id, user="u", items=("a", "b", "c"), version=1, day=0, label="", signature="recommend"):
    return Answered(request_id, DAY * day, version, label, signature, user, "model", tuple(items), 0, (), ())


def event(request_id, item, user="u"):
    return Event(user, item, "view", 1.0, None, f"{request_id}-{item}", request_id)


def test_hits_and_ranks_by_hand():
    answers = [
        answered("r1"),  # hit at 2 and 3
        answered("r2"),  # hit at 1
        answered("r3"),  # nothing
        answered("r4", user="v"),  # an event with an item that was not shown
        answered("r5", user="v", items=()),  # empty: nothing could be hit
    ]
    events = [
        event("r1", "c"),
        event("r1", "b"),
        event("r2", "a"),
        event("r4", "z"),
        event("", "a"),
        event("gone", "a"),
    ]

    clicks = clicks_of(answers, events)

    (one,) = clicks.versions
    assert (one.lists, one.people, one.hits, one.days) == (4, 2, 2, 1)
    assert one.hit_rate.value == 2 / 4
    assert one.reciprocal_rank.value == (1 / 2 + 1) / 4
    assert one.mean_rank == (3 + 2 + 1) / 3
    assert (clicks.events, clicks.named, clicks.joined) == (6, 5, 3)
    assert clicks.comparisons == ()


def test_a_list_that_is_hit_twice_is_one_hit():
    (one,) = clicks_of([answered("r1"), answered("r2")], [event("r1", "a"), event("r1", "a")]).versions
    assert one.hits == 1


def test_the_people_of_one_request_are_told_apart():
    answers = [answered("r", user="u", version=1), answered("r", user="v", version=1, items=("b", "a"))]
    (one,) = clicks_of(answers, [event("r", "a", user="v")]).versions
    assert (one.hits, one.mean_rank) == (1, 2.0)
    (nobody,) = clicks_of(answers, [event("r", "a", user="w")]).versions
    assert nobody.hits == 0


def test_people_who_are_hashed_in_the_log_are_found():
    key = b"key"
    answers = [answered("r", user=hashed(user, key).decode()) for user in (b"u", b"v")]
    (one,) = clicks_of(answers, [event("r", "b", user="v")], key).versions
    assert one.hits == 1


def test_intervals_are_over_people_and_not_over_lists():
    """One of two people is hit always, the other never: however many lists, it is known of two people alone."""
    answers = [answered(f"{user}{number}", user=user) for user in "uv" for number in range(500)]
    events = [event(f"u{number}", "a") for number in range(500)]
    (one,) = clicks_of(answers, events).versions
    assert (one.hit_rate.value, one.hit_rate.lower, one.hit_rate.upper) == (0.5, 0.0, 1.0)


def test_versions_are_compared_on_the_days_that_they_share():
    answers = [answered(f"old{n}", user=f"u{n}", version=1, day=0) for n in range(50)]
    answers += [answered(f"both{n}", user=f"u{n}", version=1 + n % 2, day=1) for n in range(100)]
    answers += [answered(f"new{n}", user=f"u{n}", version=3, day=2) for n in range(50)]
    events = [event(f"old{n}", "a") for n in range(50)]  # a day on which everything was hit
    events += [event(f"both{n}", "a") for n in range(100) if n % 2 == 1]
    (one,) = clicks_of(answers, events).comparisons
    assert (one.version, one.baseline, one.days, one.lists) == (2, 1, 1, (50, 50))
    assert (one.difference.value, one.verdict) == (1.0, "better")


def test_labels_and_days_of_a_version():
    answers = [answered("r1", label="a"), answered("r2", day=3), answered("r3", label="b")]
    (one,) = clicks_of(answers, []).versions
    assert (one.labels, one.days, one.hits) == (("a", "b"), 2, 0)
    assert np.isnan(one.mean_rank)


def experiment(seed, rates):
    """600 people, three lists each, of whom a version's are hit at its rate; people differ."""
    rng = np.random.default_rng(seed)
    answers, events = [], []
    for person in range(600):
        version = 1 + person % 2
        own = rng.beta(8 * rates[version - 1], 8 * (1 - rates[version - 1]))
        for number in range(3):
            request = f"{person}-{number}"
            answers.append(answered(request, user=str(person), version=version))
            if rng.random() < own:
                events.append(event(request, "a", user=str(person)))
    (comparison,) = clicks_of(answers, events).comparisons
    return comparison.verdict


@pytest.mark.parametrize(("rates", "least", "most"), [((0.2, 0.2), 0, 6), ((0.2, 0.3), 35, 40)])
def test_no_difference_is_found_where_there_is_none_and_one_where_there_is(rates, least, most):
    """40 experiments; of equal versions one of twenty is expected to seem different, and more than six of forty are
    so in one of 150 such tests (binomial). A true difference of .1 is 4.7 standard errors."""
    verdicts = [experiment(seed, rates) for seed in range(40)]
    assert least <= sum(verdict != "no difference is shown" for verdict in verdicts) <= most
    assert "worse" not in verdicts or rates[0] == rates[1]
