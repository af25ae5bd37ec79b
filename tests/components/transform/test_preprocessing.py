import pytest
import tensorflow as tf

from components.transform.preprocessing import title_words, year_of


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Forrest Gump (1994)", 1994),
        ("Forrest Gump (1994)  ", 1994),
        ("Forrest Gump(1994)", 1994),
        ("Forrest Gump", 0),
        ("", 0),
        ("(1994)", 1994),
        ("2001: A Space Odyssey (1968)", 1968),
        ("2001: A Space Odyssey", 0),
        ("(500) Days of Summer (2009)", 2009),
        ("(500) Days of Summer", 0),
        ("Summer (2009) Days", 0),
        ("Summer (2009) (2010)", 2010),
        ("Death Note (2006–2007)", 2006),
        ("Serial (2006-2007)", 2006),
        ("Serial (2006-)", 2006),
        ("Number (19945)", 0),
        ("Number (94)", 0),
        ("Two\nlines (1994)", 1994),
        ("Amélie (2001)", 2001),
        ("Arabic digits (١٩٩٤)", 0),
    ],
)
def test_year(title, year):
    assert year_of(tf.constant([title])).numpy().tolist() == [year]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Forrest Gump (1994)", ["forrest", "gump"]),
        ("2001: A Space Odyssey (1968)", ["2001", "a", "space", "odyssey"]),
        ("(500) Days of Summer (2009)", ["500", "days", "of", "summer"]),
        ("Ocean’s Eleven & Schindler's List", ["oceans", "eleven", "schindlers", "list"]),
        ("Spider-Man/Batman", ["spider", "man", "batman"]),
        ("ÉCOLE Ünï 東京", ["école", "ünï", "東京"]),
        ("...", []),
        ("", []),
    ],
)
def test_title_words(title, words):
    (row,) = tf.RaggedTensor.from_sparse(title_words(tf.constant([title]))).to_list()
    assert [word.decode() for word in row] == words


def test_titles_of_a_batch_keep_their_rows():
    words = title_words(tf.constant(["One (1999)", "", "Two Three"]))
    assert tf.RaggedTensor.from_sparse(words).to_list() == [[b"one"], [], [b"two", b"three"]]
    assert words.dense_shape.numpy().tolist() == [3, 2]
