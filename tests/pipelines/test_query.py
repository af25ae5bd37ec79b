import pytest

from components.errors import InputError
from pipelines.cli.query import check_genres, parse_history, unknown_movies


def test_a_history_may_carry_stars():
    assert parse_history(("1", "260:4.5", "1210:5")) == [("1", 0.0), ("260", 4.5), ("1210", 5.0)]


@pytest.mark.parametrize("entry", ["260:", "260:five", "260:４", "260:-1", ":4", "260:4:5"])
def test_a_history_entry_that_cannot_be_read(entry):
    with pytest.raises(InputError, match="history entry"):
        parse_history((entry,))


def test_a_mistyped_genre_names_the_near_one():
    check_genres(["Comedy"], ["Comedy", "Crime"])
    with pytest.raises(InputError) as error:
        check_genres(["Comdy"], ["Comedy", "Crime"])
    assert "Comedy, Crime" in error.value.expected
    assert "`Comedy`" in error.value.action


def test_movies_that_the_catalogue_lacks():
    catalogue = {"movies": [{"id": "1"}, {"id": "2"}]}
    assert unknown_movies(["1", "9"], catalogue) == ["9"]
    assert unknown_movies(["9"], {}) == []
