import pytest

from components.validation.sampling import in_sample, sample_rates


def test_only_splits_above_the_size_are_sampled():
    rates = sample_rates({"train": 4000, "eval": 1000, "test": 10}, sample_above=1000)
    assert rates == {"train": 0.25}


def test_nothing_is_sampled_where_sizes_are_unknown():
    assert sample_rates({}, sample_above=1) == {}


def test_a_sample_has_a_hundred_rows_at_least():
    assert sample_rates({"train": 400, "eval": 90}, sample_above=1) == {"train": 0.25}


@pytest.mark.parametrize("rate", [0.01, 0.25, 0.9])
def test_the_share_of_rows_drawn_is_the_rate(rate):
    drawn = sum(in_sample(f"row {row}".encode(), rate) for row in range(20_000))
    assert drawn == pytest.approx(rate * 20_000, abs=5 * (20_000 * rate * (1 - rate)) ** 0.5)


def test_a_smaller_sample_is_part_of_a_larger_one_and_the_same_every_time():
    rows = [f"row {row}".encode() for row in range(1000)]
    small = {row for row in rows if in_sample(row, 0.1)}
    assert small == {row for row in rows if in_sample(row, 0.1)}
    assert small < {row for row in rows if in_sample(row, 0.2)}
