from components.validation.sampling import sample_rates


def test_only_splits_above_the_size_are_sampled():
    rates = sample_rates({"train": 4000, "eval": 1000, "test": 10}, sample_above=1000)
    assert rates == {"train": 0.25}


def test_nothing_is_sampled_where_sizes_are_unknown():
    assert sample_rates({}, sample_above=1) == {}
