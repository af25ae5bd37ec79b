import pytest

from components.errors import InputError
from components.ranking.architectures import ARCHITECTURES
from components.settings import to_mapping
from pipelines.config import PipelineConfig
from pipelines.tuning.parameters import Choice, Number
from pipelines.tuning.search_space import SPACE, check_names, searched
from pipelines.tuning.study import with_values


def names(*arguments):
    return {parameter.key for parameter in searched(*arguments)}


def test_every_parameter_is_a_setting_and_its_bounds_are_values_that_a_configuration_takes():
    config = PipelineConfig()
    for parameter in SPACE:
        assert parameter.key in to_mapping(config)[parameter.section], parameter.name
        ends = parameter.values if isinstance(parameter, Choice) else (parameter.low, parameter.high)
        for value in ends:
            stored = int(value) if isinstance(parameter, Number) and parameter.whole else value
            with_values(config, {parameter.name: stored})


def test_what_the_loss_or_the_architecture_does_not_read_is_left_out():
    assert {"targets", "half_lives"} <= names("retrieval", {"full_softmax", "ordered"})
    assert "l2" in names("retrieval", {"full_softmax", "fixed_l2"})
    assert "l2" not in names("retrieval", {"full_softmax"})  # it follows from the data
    assert "half_lives" not in names("retrieval", {"full_softmax"})
    assert names("retrieval", {"squared_error"}) == {"embedding_dim", "learning_rate", "squared_error_l2", "averaging"}
    assert names("ranking", set(ARCHITECTURES["matrix_factorization"].reads)) == {
        "embedding_dim",
        "learning_rate",
        "l2_ids",
        "l2_biases",
        "id_dropout",
    }
    assert "l2_history" in names("ranking", {"implicit"})
    assert {"layers", "dropout"} <= names("ranking", set(ARCHITECTURES["dense"].reads))
    assert not {"layers", "dropout"} & names("ranking", {"factorization_machine"})


def test_the_search_is_narrowed_by_names():
    chosen = searched("retrieval", {"full_softmax", "fixed_l2"}, ("retrieval.l2", "retrieval.learning_rate"))
    assert {parameter.name for parameter in chosen} == {"retrieval.l2", "retrieval.learning_rate"}


def test_a_name_that_is_not_searched_is_explained():
    with pytest.raises(InputError, match=r"did you mean `retrieval\.learning_rate`"):
        check_names(("retrieval.learnign_rate",), "retrieval")
    with pytest.raises(InputError, match="change --model"):
        check_names(("ranking.dropout",), "retrieval")
    with pytest.raises(InputError, match=r"does not read `ranking\.dropout`"):
        searched("ranking", {"factorization_machine"}, ("ranking.dropout",))


def test_a_range_is_widened_to_hold_the_preset_s_own_value():
    rate = Number(name="ranking.learning_rate", low=0.01, high=0.1, log=True)
    assert (rate.holding(0.05).low, rate.holding(0.05).high) == (0.01, 0.1)
    assert (rate.holding(0.5).low, rate.holding(0.5).high) == (0.01, 0.5)
    layers = Choice(name="ranking.layers", values=("32", "64,32"))
    assert layers.own((16, 8)) == "16,8"
    assert layers.holding("16,8").values == ("32", "64,32", "16,8")
    assert layers.holding("32") is layers


def test_zero_is_not_on_a_logarithmic_scale():
    with pytest.raises(InputError, match=r"ranking.l2_ids = 0.0 of the preset.*logarithmic"):
        Number(name="ranking.l2_ids", low=1.0, high=10.0, log=True).holding(0.0)


def test_drawn_numbers_have_three_digits_and_stay_within_the_range():
    rate = Number(name="ranking.learning_rate", low=0.0123456, high=0.05)
    assert rate.rounded(0.0345678) == 0.0346
    assert rate.rounded(0.01234561) == 0.0123456  # 0.0123 would lie below
    assert Number(name="ranking.raters", low=1, high=9_999, whole=True).rounded(1234) == 1234
