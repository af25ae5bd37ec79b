from pipelines.terminal.samples import _liked


def test_liked_are_the_best_rated_and_of_equals_the_latest():
    oldest_first = [
        ("1", "A", 4.0),
        ("2", "B", 5.0),
        ("3", "C", 4.0),
        ("4", "D", 1.0),
        ("5", "E", 3.0),
        ("6", "F", 4.5),
    ]
    assert _liked(oldest_first) == [("B", 5.0), ("F", 4.5), ("C", 4.0), ("A", 4.0), ("E", 3.0)]


def test_without_ratings_the_latest_stand_first_and_have_no_stars():
    assert _liked([("1", "A", 1.0), ("2", "B", 1.0)], rated=False) == [("B", 0.0), ("A", 0.0)]
