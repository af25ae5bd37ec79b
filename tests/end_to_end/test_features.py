"""The walk of a column of one's own from csv to answer, without a line of code, on signals that are planted.

A user of country c likes brand c, whatever else; green things are taken on a TV, others on a phone; new users have no
interactions at all, new items neither. What is right is known by construction.
"""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from serving.client import RecommenderClient
from serving.model import LoadedBundle
from serving.models.config import ModelConfig
from serving.server import ServerConfig, running
from tests.datasets import write_csv
from tests.end_to_end.command import LENIENT, recommender, run

COUNTRIES = BRANDS = 4
USERS, NEW_USERS = 240, 40
ITEMS, NEW_ITEMS = 80, 8  # the last ones are new; the brand of an item is its number modulo 4
LIKED, DISLIKED = 5.0, 2.0

FEATURES = [
    argument
    for feature in (
        "item.brand=category",
        "item.colours=categories",
        "item.price=number",
        "item.image=vector:Image Vector",
        "user.country=category",
        "user.age=number",
        "context.device=category",
        "context.hour=hour",
    )
    for argument in ("--feature", feature)
]
TRAINING = (
    "retrieval.epochs=40",
    "retrieval.batch_size=32",
    "retrieval.eval_every=5",
    "retrieval.embedding_dim=16",
    "ranking.epochs=60",
    "split.held_out=2",
    "evaluation.slices=item.brand,user.country",
)
SETTINGS = [argument for setting in TRAINING for argument in ("--set", setting)]


def write_world(folder: Path) -> list[str]:
    """Writes three files and returns the options that name them."""
    rng = np.random.default_rng(3)
    rows = []
    for user in range(USERS):
        own = rng.choice(np.arange(user % COUNTRIES, ITEMS - NEW_ITEMS, BRANDS), 8, replace=False)
        others = rng.choice(ITEMS - NEW_ITEMS, 3, replace=False)
        seen = rng.permutation(np.unique(np.concatenate([own, others])))
        for place, item in enumerate(seen):
            liked = item % BRANDS == user % COUNTRIES
            device = ("tv" if is_green(item) else "phone") if rng.random() < 0.95 else ""
            when = 1_700_000_000 + 3_600 * place
            rows.append((f"u{user}", f"i{item}", LIKED if liked else DISLIKED, when, device))
    items = [
        (
            f"i{item}",
            f"Thing {item}",
            f"brand {item % BRANDS}",
            "green" if is_green(item) else "red|blue",
            f"{5 + item % 7},99" if item % 5 else "",
            " ".join(f"{value:.2f}" for value in np.eye(BRANDS)[item % BRANDS] + rng.normal(0, 0.05, BRANDS)),
            "never read",
        )
        for item in range(ITEMS)
    ]
    users = [
        (f"u{user}", f"country {user % COUNTRIES}" if user % 11 else "", int(rng.integers(18, 80)))
        for user in range(USERS + NEW_USERS)
    ]
    columns = ("sku", "title", "brand", "colours", "price", "Image Vector", "comment")
    return [
        *("--ratings", str(write_csv(folder / "ratings.csv", ("user", "sku", "rating", "timestamp", "device"), rows))),
        *("--items", str(write_csv(folder / "items.csv", columns, items))),
        *("--users", str(write_csv(folder / "users.csv", ("user", "country", "age"), users))),
    ]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def walk(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk") / "run"
    return run(folder, *files, *FEATURES, *SETTINGS, *LENIENT, "--with-batch-scores", "--final-fit", "none")


@pytest.fixture(scope="module")
def bundle(walk):
    assert walk.done.code == 0, walk.done.text
    return LoadedBundle(walk.summary["push"]["path"])


def is_green(item):
    return item % 3 == 0


def share_of_brand(answer, brand):
    return np.mean([int(item.id[1:]) % BRANDS == brand for item in answer.items])


def new_users(country):
    return [f"u{user}" for user in range(USERS, USERS + NEW_USERS) if user % COUNTRIES == country and user % 11]


def test_features_are_proposed_for_the_columns_that_play_no_role(files):
    done = recommender("features", *files)
    assert done.code == 0, done.text
    kinds = {}
    for section in done.out.split("\n\n"):
        name, kind = section.splitlines()[:2] if section.strip() else ("", "")
        kinds[name.partition("]")[0].strip("# [")] = kind.partition('"')[2].strip('"')
    kinds.pop("", None)
    assert kinds == {
        "features.item.brand": "category",
        "features.item.colours": "categories",
        "features.item.price": "number",
        "features.item.image_vector": "vector",
        "features.item.comment": "category",
        "features.user.country": "category",
        "features.user.age": "number",
    }


def test_figures_are_told_apart_by_the_features_that_the_settings_name(walk):
    slices = {(one["feature"], one["value"]) for one in walk.summary["evaluation"]["slices"]}
    assert {("item_brand", "brand 1"), ("user_country", "country 2")} < slices
    assert "By country of the user" in walk.report


def test_a_column_that_no_feature_names_is_named(walk):
    assert "columns of the catalogue that no feature names: comment" in walk.done.err


def test_a_new_user_is_answered_by_features_alone(bundle):
    for country in range(COUNTRIES):
        answers = bundle.recommend(new_users(country), n=10)
        assert {answer.source for answer in answers} == {"features"}
        assert np.mean([share_of_brand(answer, country) for answer in answers]) > 0.8


def test_a_stranger_who_tells_a_country_is_answered_by_it_and_one_who_tells_nothing_by_popularity(bundle):
    for country in range(COUNTRIES):
        (answer,) = bundle.recommend([""], n=10, user_features=[f"country=country {country}"])
        assert (answer.source, share_of_brand(answer, country) > 0.8) == ("features", True)
    (nobody,) = bundle.recommend([""], n=10, user_features=["size=XL", ""])
    assert nobody.source == "popularity"
    assert max(share_of_brand(nobody, brand) for brand in range(BRANDS)) < 0.8


def test_what_a_request_tells_replaces_what_is_stored_of_the_user(bundle):
    (user, *_) = new_users(1)
    (stored,), (told,) = (bundle.recommend([user], user_features=some) for some in ([], ["country=country 2"]))
    assert share_of_brand(stored, 1) > 0.8
    assert share_of_brand(told, 2) > 0.8


def test_a_history_counts_beside_the_features_and_the_features_do_not_drown_it(bundle):
    history = [(f"i{item}", LIKED) for item in range(3, 35, BRANDS)]
    (answer,) = bundle.recommend([""], n=10, history=history)
    assert answer.source == "history"
    assert share_of_brand(answer, 3) > 0.6


def test_the_moment_in_which_one_asks_has_a_part_in_the_list(bundle):
    (user, *_) = new_users(2)
    for who in ("", user):
        on_tv, on_a_phone, nowhere = (
            np.mean([is_green(int(item.id[1:])) for item in bundle.recommend([who], n=10, context=some)[0].items])
            for some in (["device=tv", "hour=20"], ["device=phone"], ["device="])
        )
        assert on_tv > on_a_phone + 0.3
        assert on_tv >= nowhere >= on_a_phone


def test_the_rating_of_a_new_user_follows_the_country_too(bundle):
    for country in range(COUNTRIES):
        (user, *_) = new_users(country)
        own, other = (
            bundle.signatures["rank"](user_id=[user] * 8, item_id=[f"i{4 * n + brand}" for n in range(2, 10)])
            for brand in (country, (country + 1) % BRANDS)
        )
        assert np.mean(own["predicted_rating"]) > np.mean(other["predicted_rating"]) + 0.5


def test_a_new_item_stands_beside_those_of_its_brand(bundle):
    for item in range(ITEMS - NEW_ITEMS, ITEMS):
        like_it = bundle.similar(f"i{item}")
        assert np.mean([int(one.id[1:]) % BRANDS == item % BRANDS for one in like_it]) > 0.8


def test_any_categorical_feature_of_an_item_filters(bundle):
    (answer,) = bundle.recommend(["u5"], n=20, filters=["brand=brand 2", "brand=brand 3", "-colours=green"])
    assert answer.items
    assert all(int(item.id[1:]) % BRANDS in (2, 3) and not is_green(int(item.id[1:])) for item in answer.items)
    allowed = [f"i{item}" for item in range(60, 70)]
    (answer,) = bundle.recommend(["u5"], n=20, allow=allowed, filters=["colours=green"])
    assert {item.id for item in answer.items} <= set(allowed)
    assert {"brand=brand 0", "colours=green"} < set(bundle.filters)


def test_the_same_over_rest_grpc_and_the_command_line(bundle):
    path = bundle.path
    told, filters, context = ["country=country 2", "age=33"], ["-colours=green"], ["device=phone"]
    asked = {"user_features": told, "filters": filters, "context": context}
    (expected,) = bundle.recommend([""], n=5, **asked)
    served = ModelConfig(name="recommender", base_path=path.parent)
    with running(ServerConfig(models=(served,), rest_port=0, grpc_port=0)) as server:
        for url in (f"http://127.0.0.1:{server.rest_port}", f"grpc://127.0.0.1:{server.grpc_port}"):
            with RecommenderClient(url) as client:
                (answer,) = client.recommend([""], n=5, **asked)
            assert [item.id for item in answer.items] == [item.id for item in expected.items]
            assert answer.source == "features"
        page = httpx.get(f"http://127.0.0.1:{server.rest_port}/catalogue.json").json()
    assert page["items"][0]["features"] == {"brand": ["brand 0"], "colours": ["green"]}
    options = [part for one in told for part in ("--user-feature", one)] + [
        "--filter",
        filters[0],
        "--context",
        context[0],
    ]
    done = recommender("query", "--model", path, "--n", 5, "--json", *options)
    assert done.code == 0, done.text
    assert [item["item_id"] for item in json.loads(done.out)["items"]] == [item.id for item in expected.items]


def test_new_users_are_scored_in_batch(walk, bundle):
    import pyarrow.parquet as pq

    rows = pq.read_table(walk.summary["batch_scores"]["path"]).to_pylist()
    (user, *_) = new_users(0)
    (answer,) = bundle.recommend([user], n=20)
    assert [row["item_id"] for row in rows if row["user_id"] == user] == [item.id for item in answer.items]


def test_a_column_that_there_is_not_is_refused_with_those_there_are(files, tmp_path):
    done = recommender("run", *files, "--feature", "item.maker=category", "--output", tmp_path / "run")
    assert done.code != 0
    assert "no column `maker`, which features.item.maker reads" in done.err
    assert "one of sku, title, brand" in done.err


def test_a_feature_of_another_kind_is_refused(files, tmp_path):
    done = recommender("run", *files, "--feature", "item.brand=number", "--output", tmp_path / "run")
    assert done.code != 0
    assert "`brand`, which features.item.brand reads as number, has no value" in done.err
