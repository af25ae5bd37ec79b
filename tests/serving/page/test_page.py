"""The page in headless Chromium, against our server: by keyboard, on a phone, and when something goes wrong."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.slow

F = "<b>f</b>"  # an item whose id and title would be markup


@pytest.fixture
def open_page(browser, model_server):
    """Opens the page at an address of its own; its errors and foreign requests fail the test."""
    contexts, problems = [], []

    def open_at(fragment="", routes=(), allowed=(), **context):
        made = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: (
                problems.append(message.text)
                if message.type in ("error", "warning") and not any(word in message.text for word in allowed)
                else None
            ),
        )
        page.on(
            "request", lambda asked: None if asked.url.startswith(model_server.rest) else problems.append(asked.url)
        )
        for pattern, handler in routes:
            page.route(pattern, handler)
        page.goto(f"{model_server.rest}/{fragment}")
        settled(page)
        return page

    yield open_at
    for one in contexts:
        one.close()
    assert problems == []


def settled(page):
    page.wait_for_timeout(250)  # longer than the page waits between a change and its question
    page.wait_for_selector("main[aria-busy=false]")


def titles(page, of="#list"):
    return [title.removeprefix("Title of ") for title in page.locator(f"{of} .card h3").all_inner_texts()]


def test_at_first_it_shows_what_is_popular_and_how_to_make_it_personal(open_page):
    page = open_page()
    assert page.locator("#heading").inner_text() == "Popular items"
    assert titles(page)[:3] == ["a", "b", "c"]
    first = page.locator("#list .card").first
    assert "Drama" in first.inner_text()
    assert re.search(r"50 %", first.inner_text())  # 3 of 6 ratings
    assert first.locator(".predicted b").inner_text() == "1.0"
    assert "recommender, version 1 · 6 items" in page.locator("#model").inner_text()
    assert "6 recommendations" in page.locator("[role=status]").first.inner_text()


def test_items_are_picked_by_keyboard_alone_and_the_address_keeps_them(open_page):
    page = open_page()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "search":
            break
    page.keyboard.type("title D")
    box = page.locator("#search")
    assert box.get_attribute("aria-expanded") == "true"
    assert page.locator("#" + box.get_attribute("aria-activedescendant")).inner_text().startswith("Title of d")
    page.keyboard.press("Enter")
    page.keyboard.type("é")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert box.get_attribute("aria-expanded") == "false"
    settled(page)
    assert page.locator("#heading").inner_text() == "For you"
    assert titles(page) == [F, "é", "c", "b", "a"]  # 3 i + 1, and d is known
    assert page.locator("#list .card").first.locator(".score b").inner_text() == "16.00"
    assert page.url.endswith("#like=d")
    page.reload()
    settled(page)
    assert titles(page) == [F, "é", "c", "b", "a"]
    page.get_by_label("Your stars for Title of d").select_option("4.5")
    settled(page)
    assert page.url.endswith("#like=d%404.5")
    page.get_by_role("button", name="Remove Title of d").click()
    settled(page)
    assert page.locator("#heading").inner_text() == "Popular items"
    assert page.evaluate("document.activeElement.id") == "search"


def test_accents_and_order_of_words_do_not_matter_to_the_search(open_page):
    page = open_page()
    page.locator("#search").fill("E of title")
    assert "Title of é" in page.locator("#matches").inner_text()
    page.locator("#search").fill("no such item")
    assert page.locator("#matches").inner_text() == "No item matches"
    page.keyboard.press("Enter")
    assert page.locator("#picks li").count() == 0


def test_a_known_user_sees_what_is_known_and_filters_by_genre(open_page):
    page = open_page()
    page.get_by_role("radio", name="A known user").check(force=True)
    page.get_by_label("User id").fill("Bo")
    page.keyboard.press("Enter")
    settled(page)
    assert page.locator("#heading").inner_text() == "For user Bo"
    assert titles(page) == [F, "é", "d", "c"]
    page.locator("#known summary").click()
    assert page.locator("#known li").all_inner_texts() == ["Title of b\n3 ★", "Title of a\n3 ★"]
    chip = page.get_by_role("button", name="Comedy", exact=True)
    chip.click()
    settled(page)
    assert chip.get_attribute("aria-pressed") == "true"
    assert titles(page) == [F, "c"]
    assert page.url.endswith("#user=Bo&filter=genres%3DComedy")


def test_a_stranger_is_told_that_nothing_is_known(open_page):
    page = open_page("#user=nobody")
    assert "knows nothing of user nobody" in page.locator("#source").inner_text()
    assert page.locator("#known").is_hidden()


def test_similar_items_open_lead_on_and_give_the_focus_back(open_page):
    page = open_page()
    button = page.get_by_role("button", name="Similar: Title of c")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Like Title of c")
    dialog.wait_for()
    page.wait_for_selector("#similar-list .card h3")
    assert titles(page, "#similar-list")[:2] == ["d", "é"]
    dialog.get_by_role("button", name="Similar: Title of d").click()
    page.get_by_role("dialog", name="Like Title of d").wait_for()
    page.get_by_role("button", name="Back").click()
    page.get_by_role("dialog", name="Like Title of c").wait_for()
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Similar: Title of c"


def test_an_item_is_left_out_and_brought_back(open_page):
    page = open_page("#user=Bo")
    page.get_by_role("button", name=f"Hide: Title of {F}").click()
    settled(page)
    assert titles(page) == ["é", "d", "c"]
    assert "1 item is left out." in page.locator("#hidden-items").inner_text()
    page.get_by_role("button", name="Show them again").click()
    settled(page)
    assert titles(page) == [F, "é", "d", "c"]


def test_an_empty_answer_says_why_and_offers_a_way_out(open_page):
    page = open_page("#user=Ann&filter=genres%3DComedy")  # Ann knows every comedy
    assert "No item is left" in page.locator("main").inner_text()
    page.get_by_role("button", name="No filter, nothing left out").click()
    settled(page)
    assert titles(page) == ["é", "d"]


@pytest.mark.parametrize(
    ("question", "listed", "reason"),
    [
        ("#like=d%404&like=é", [F, "c", "b", "a"], "Because you watched Title of é"),  # the last one is the query
        ("#user=Bo", [F, "é", "d", "c"], "Because you watched Title of b"),
    ],
)
def test_the_bundles_own_reasons_stand_on_the_cards(open_page, question, listed, reason):
    page = open_page(question)
    page.wait_for_selector(".because")
    assert titles(page) == listed
    assert page.locator("#list .because").all_inner_texts() == [reason] * len(listed)


def test_what_is_popular_has_no_reasons(open_page):
    page = open_page()
    assert page.locator("#list .card").count() == 6
    assert page.locator(".because").count() == 0


def test_reasons_are_joined_in_words_and_titles_are_text(open_page):
    asked = []

    def with_explain(route):
        metadata = route.fetch().json()
        metadata["metadata"]["signature_def"]["signature_def"]["explain"] = {}
        route.fulfill(json=metadata)

    def explained(route):
        question = route.request.post_data_json
        if question["signature_name"] != "explain":
            return route.continue_()
        asked.append(question["inputs"])
        rows = len(question["inputs"]["item_id"])
        reasons = {"item_ids": ["d", "é"], "titles": ["<i>Liked</i>", "Second"], "scores": [2.0, 1.0]}
        outputs = {name: [values] * rows for name, values in reasons.items()}
        return route.fulfill(json={"outputs": {**outputs, "count": [2] * (rows - 1) + [0]}})

    page = open_page("#like=d%404&like=é", routes=[("**/metadata", with_explain), ("**/*:predict", explained)])
    page.wait_for_selector(".because")
    reasons = page.locator("#list .because").all_inner_texts()
    assert reasons == ["Because you watched <i>Liked</i> and Second"] * 3  # of the fourth nothing is known
    assert asked == [
        {
            "user_id": [""] * 4,
            "history_item_ids": [["", "d", "é"]] * 4,
            "history_ratings": [[0, 4, 0]] * 4,
            "item_id": [F, "c", "b", "a"],
        }
    ]


def test_titles_are_text_and_never_markup(open_page):
    page = open_page("#user=Bo", allowed=["requires 'TrustedHTML' assignment"])
    card = page.locator("#list .card").first
    assert card.locator("h3").inner_text() == f"Title of {F}"
    assert card.locator("h3 b").count() == 0
    refused = "document.body.innerHTML = '<p>x</p>'"
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate(refused)


def test_a_server_that_fails_is_named_and_asked_again(open_page):
    answers = [
        lambda route: route.abort(),
        lambda route: route.fulfill(status=503, body=json.dumps({"error": "the queue is full"})),
        lambda route: route.continue_(),
    ]
    page = open_page(routes=[("**/*:predict", lambda route: answers.pop(0)(route))], allowed=["Failed to load"])
    assert "The server cannot be reached." in page.locator("main").inner_text()
    page.get_by_role("button", name="Try again").click()
    settled(page)
    assert "the queue is full" in page.locator("main").inner_text()
    page.get_by_role("button", name="Try again").click()
    settled(page)
    assert titles(page)[:1] == ["a"]
    assert page.get_by_role("button", name="Try again").count() == 0


def test_a_catalogue_that_is_missing_is_no_blank_page(open_page):
    answers = [
        lambda route: route.fulfill(status=404, body=json.dumps({"error": "no model with a catalogue is loaded"})),
        lambda route: route.continue_(),
    ]
    page = open_page(routes=[("**/catalogue.json", lambda route: answers.pop(0)(route))], allowed=["Failed to load"])
    assert "no model with a catalogue is loaded" in page.locator("main").inner_text()
    page.get_by_role("button", name="Try again").click()
    settled(page)
    assert titles(page)[:1] == ["a"]


def test_a_server_with_a_token_asks_for_it(open_page):
    def guarded(route):
        if route.request.headers.get("authorization") == "Bearer secret":
            route.continue_()
        else:
            route.fulfill(status=401, body=json.dumps({"error": "a token is wanted"}))

    page = open_page(routes=[("**/v1/**", guarded), ("**/catalogue.json", guarded)], allowed=["Failed to load"])
    page.get_by_label("This server asks for a token").fill("secret")
    page.keyboard.press("Enter")
    settled(page)
    assert titles(page)[:1] == ["a"]


def test_an_older_answer_never_takes_the_place_of_a_newer_one(open_page):
    def slow_for_ann(route):
        if '"Ann"' in (route.request.post_data or ""):
            page.wait_for_timeout(1500)
        route.continue_()

    page = open_page()
    page.route("**/*:predict", slow_for_ann)
    page.evaluate("location.hash = '#user=Ann'")
    page.wait_for_timeout(100)
    page.evaluate("location.hash = '#user=Bo'")
    page.wait_for_timeout(2500)
    assert page.locator("#heading").inner_text() == "For user Bo"
    assert titles(page) == [F, "é", "d", "c"]


@pytest.mark.parametrize("width", [320, 390, 800])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_small_screens_in_light_and_dark(open_page, width, scheme):
    page = open_page("#like=d&like=é", viewport={"width": width, "height": 740}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Similar: Title of c").click()
    page.wait_for_selector("#similar-list .card h3")
    box = page.locator("#similar").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(246, 245, 249)" if scheme == "light" else "rgb(20, 18, 28)"
    )


def test_everything_that_can_be_used_has_a_name(open_page):
    page = open_page("#like=d")
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, input, select, [role=listbox], dialog, fieldset')]
           .filter((one) => !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim()
                              || one.getAttribute('aria-labelledby') || one.querySelector('legend')))
           .map((one) => one.outerHTML)"""
    )
    assert nameless == []


def test_back_takes_a_change_back(open_page):
    page = open_page()
    page.get_by_role("button", name="I like it: Title of d").click()
    settled(page)
    page.get_by_role("button", name="Comedy", exact=True).click()
    settled(page)
    assert titles(page) == [F, "c", "b"]
    page.go_back()
    settled(page)
    assert page.url.endswith("#like=d")
    assert titles(page) == [F, "é", "c", "b", "a"]
    assert page.get_by_role("button", name="Comedy", exact=True).get_attribute("aria-pressed") == "false"
    page.go_back()
    settled(page)
    assert page.locator("#picks li").count() == 0
    assert page.locator("#heading").inner_text() == "Popular items"
    page.go_forward()
    settled(page)
    assert page.get_by_role("button", name="Remove Title of d").count() == 1


def test_recommend_leads_to_the_list(open_page):
    page = open_page("#like=d", viewport={"width": 390, "height": 450})
    assert page.locator("#heading").bounding_box()["y"] > 450  # below the form, out of sight
    page.get_by_role("button", name="Recommend").click()
    settled(page)
    assert page.evaluate("document.activeElement.id") == "results"
    assert 0 <= page.locator("#heading").bounding_box()["y"] < 100
    assert page.evaluate("getComputedStyle(document.getElementById('results')).animationName") == "fresh"


def test_on_a_phone_a_filter_that_is_on_is_in_sight_and_the_list_says_so(open_page):
    many = [f"Genre {letter}" for letter in "ABCDEFGHIJKLMNOP"]

    def with_genres(route):
        content = route.fetch().json()
        content["items"][0]["features"]["genres"] += many
        route.fulfill(json=content)

    page = open_page(
        "#like=d&filter=genres%3DGenre%20P",
        viewport={"width": 390, "height": 844},
        routes=[("**/catalogue.json", with_genres)],
    )
    box = page.get_by_role("button", name="Genre P", exact=True).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert "Only Genre P." in page.locator("#source").inner_text()


def test_on_a_phone_scores_have_their_name(open_page):
    page = open_page("#like=d", viewport={"width": 390, "height": 844})
    assert page.locator("#list .card .score").first.inner_text().split() == ["Relevance", "16.00"]
    assert page.locator("#list .card .score span").first.is_visible()
    page.get_by_role("button", name="Similar: Title of c").click()
    page.wait_for_selector("#similar-list .card h3")
    assert page.locator("#similar-list .card .score").first.inner_text().startswith("Similarity")


def test_bars_of_relevance_go_from_the_last_item_to_the_first(open_page):
    page = open_page("#like=d")  # scores 16, 13, 7, 4, 1
    shares = page.eval_on_selector_all("#list .score .meter", "all => all.map((one) => one.style.cssText)")
    shares = [float(re.search(r"([\d.]+)%", share)[1]) for share in shares]
    assert shares == pytest.approx([100, 80, 40, 20, 4])
    assert "Most relevant first; the stars are" in page.locator("#source").inner_text()


def test_a_version_is_a_date_and_random_users_are_called_so(open_page):
    def dated(route):
        route.fulfill(json={**route.fetch().json(), "version": "1795887915"})

    page = open_page(routes=[("**/catalogue.json", dated)], timezone_id="UTC")
    assert page.locator("#model").inner_text() == "recommender, pushed 28 Nov 2026, 17:45 · 6 items"
    assert page.locator("#model").get_attribute("title") == "version 1795887915"
    page.get_by_role("radio", name="A known user").check(force=True)
    assert page.get_by_role("button", name="Random user").is_visible()


@pytest.mark.parametrize("count", [1, 2, 3, 18, 19, 20, 50])
def test_every_genre_has_a_colour_of_its_own(open_page, count):
    """The largest genres stand farthest apart: Comedy and Drama had one colour."""
    hues = open_page().evaluate(
        """async (count) => {
            const { Catalogue } = await import("./catalogue.js");
            const names = Array.from({ length: count }, (_, at) => `g${at}`);
            const items = names.flatMap((genre, at) =>
                Array.from({ length: count - at },
                    (_, id) => ({ id: `${at} ${id}`, title: "", features: { genres: [genre] } })));
            const { colours } = new Catalogue({ model: "", version: "", items, users: [] });
            return names.map((name) => colours.get(name).hue);
        }""",
        count,
    )
    circle = sorted(hues)
    gaps = [(after - before) % 360 or 360 for before, after in zip(circle, [*circle[1:], circle[0]], strict=True)]
    assert gaps == pytest.approx([360 / count] * count)
    if count > 3:
        apart = abs(hues[0] - hues[1])
        assert min(apart, 360 - apart) >= 90


@pytest.mark.parametrize("hover", [True, False])
def test_the_hint_speaks_of_keys_only_where_there_are_some(open_page, hover):
    page = open_page(**({} if hover else {"has_touch": True, "is_mobile": True}))
    assert page.locator("#search-hint").inner_text() == (
        "Type, then choose with the arrow keys and Enter." if hover else "Type, then tap an item."
    )


def test_the_selected_half_of_the_switch_is_lighter_than_its_track(open_page):
    for scheme in ("light", "dark"):
        page = open_page(color_scheme=scheme)
        selected, track = page.evaluate(
            """() => [document.querySelector(".modes input:checked + label"), document.querySelector(".modes")].map(
                (one) => getComputedStyle(one).backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b))"""
        )
        assert selected > track


def test_stars_of_known_items_can_be_read(open_page):
    page = open_page("#user=Bo", color_scheme="light")
    page.locator("#known summary").click()
    colour = page.locator("#known b").first.evaluate("one => getComputedStyle(one).color.match(/\\d+/g).map(Number)")
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5  # on white; WCAG 2.2, 1.4.3


def luminance(colour):
    """Relative luminance of sRGB (WCAG 2.2)."""
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_scroll_area_is_reached_by_key(open_page):
    page = open_page("#user=Bo", viewport={"width": 390, "height": 844})
    page.locator("#known summary").click()
    assert unreachable_scroll_areas(page) == []


def unreachable_scroll_areas(page):
    return page.evaluate(
        """[...document.querySelectorAll("*")].filter((one) => one.checkVisibility()
            && ["overflowX", "overflowY"].some((axis) => ["auto", "scroll"].includes(getComputedStyle(one)[axis]))
            && one.tabIndex < 0 && one.role !== "listbox" && one.getAttribute("role") !== "listbox"
            && !one.querySelector("a, button, input, select")).map((one) => one.outerHTML.slice(0, 80))"""
    )
