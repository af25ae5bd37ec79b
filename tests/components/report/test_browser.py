"""The page in headless Chromium, opened from disk: its looks, its map, and that nothing complains."""

from __future__ import annotations

import math
import random

import pytest

from components.report.page import render
from tests.components.report.small_run import MARKUP, facts, summary

pytestmark = pytest.mark.slow


def spiral(count=300):
    """A map of many items, far enough apart to be told from each other; the nearest are those beside."""
    draw = random.Random(1)
    genres = ["Comedy", "Drama", "War", "Horror"]
    return {
        "method": "umap",
        "catalogue": count,
        "items": [
            {
                "item_id": str(number),
                "title": MARKUP if number == 7 else f"Item number {number} (19{number % 90 + 10})",
                "genres": draw.sample(genres, draw.randint(0, 2)),
                "x": math.sqrt(number) * math.cos(number * 2.4),
                "y": math.sqrt(number) * math.sin(number * 2.4),
                "rows": count - number,
                "neighbours": [str(other) for other in range(number + 1, min(number + 11, count))],
            }
            for number in range(count)
        ],
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(facts(item_map=spiral()), summary()))
    return path


def is_complaint(message):
    """Not: that these tests read pixels, which a page for people does not."""
    return message.type != "log" and "willReadFrequently" not in message.text


@pytest.fixture
def open_page(browser, path):
    """Opens the page from disk; an error, a warning or a request for anything else fails the test."""
    contexts, problems = [], []

    def open_it(**context):
        made = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if is_complaint(message) else None)
        page.on("request", lambda asked: None if asked.url.startswith(path.as_uri()) else problems.append(asked.url))
        page.goto(path.as_uri())
        page.wait_for_selector("#map:not([hidden])")
        return page

    yield open_it
    for one in contexts:
        one.close()
    assert [problem for problem in problems if problem != "data:,"] == []


def colours(page, selector):
    return page.eval_on_selector(
        selector, "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
    )


def brightness(colour):
    return sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")[:3])


def test_light_and_dark_follow_the_reader(open_page):
    text, ground = colours(open_page(color_scheme="light"), "section")
    assert brightness(text) < 250 < 700 < brightness(ground)
    text, ground = colours(open_page(color_scheme="dark"), "section")
    assert brightness(ground) < 250 < 600 < brightness(text)


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_sticks_out_and_charts_are_readable(open_page, width):
    page = open_page(viewport={"width": width, "height": 850})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    widths = page.eval_on_selector_all("section figure svg", "all => all.map(one => one.getBoundingClientRect().width)")
    assert len(widths) > 10
    assert min(widths) > 280  # of 460 units: words of 11 units are 7 pixels or more
    canvas = page.locator("#map-canvas").bounding_box()
    assert canvas["width"] > 280


def drawn(page):
    """Share of the map's pixels that a dot covers which is not faded."""
    return page.evaluate(
        """() => {
          const canvas = document.getElementById("map-canvas");
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          let found = 0;
          for (let at = 3; at < data.length; at += 4) if (data[at] > 180) found += 1;
          return found / (data.length / 4);
        }"""
    )


def test_an_item_is_found_by_its_words_without_case_and_accents_and_its_neighbours_are_listed(open_page):
    page = open_page()
    assert drawn(page) > 0.01
    page.get_by_label("Find an item").fill("NÚMBER 5 item")
    assert page.locator("#map-status").inner_text().endswith("matches, the first 8")
    page.get_by_label("Find an item").fill("1935 25")
    page.keyboard.press("Enter")
    assert page.locator("#map-chosen h3").inner_text() == "Item number 25 (1935)"
    nearest = page.locator("#map-chosen ol button").all_inner_texts()
    assert nearest == [f"Item number {n} (19{n % 90 + 10})" for n in range(26, 36)]
    page.locator("#map-chosen ol button").nth(2).click()
    assert page.locator("#map-chosen h3").inner_text() == "Item number 28 (1938)"
    page.get_by_role("button", name="Clear").click()
    assert page.locator("#map-chosen").inner_text() == ""
    page.get_by_label("Find an item").fill("no such thing")
    assert page.locator("#map-status").inner_text() == "no matches"


def place_of(page, number):
    """Where an item lies on the screen, from the numbers in the page."""
    return page.evaluate(
        """(number) => {
          const items = JSON.parse(document.getElementById("map-data").textContent);
          const canvas = document.getElementById("map-canvas");
          canvas.scrollIntoView({ block: "center" });
          const box = canvas.getBoundingClientRect();
          const scale = box.width - 28;
          return [box.left + box.width / 2 + (items.x[number] - 0.5) * scale,
                  box.top + box.height / 2 - (items.y[number] - 0.5) * scale];
        }""",
        number,
    )


def test_the_map_answers_the_mouse(open_page):
    page = open_page()
    page.mouse.move(*place_of(page, 200))
    assert page.locator("#map-tip").inner_text() == "Item number 200 (1930)"
    page.mouse.click(*place_of(page, 200))
    assert page.locator("#map-chosen h3").inner_text() == "Item number 200 (1930)"
    page.mouse.move(*place_of(page, 7))
    assert page.locator("#map-tip").inner_text() == MARKUP  # as text
    assert page.locator("#map b").count() == 0
    faded = drawn(page)
    page.get_by_role("button", name="Clear").click()
    assert drawn(page) > faded
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Show everything").click()
    page.mouse.click(*place_of(page, 200))
    assert page.locator("#map-chosen h3").inner_text() == "Item number 200 (1930)"


def test_one_genre_is_shown_alone(open_page):
    page = open_page()
    button = page.locator("#map-legend button").first
    everything = drawn(page)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert drawn(page) < everything
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert drawn(page) == pytest.approx(everything)


def test_a_phone_taps(open_page):
    page = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True, device_scale_factor=3)
    page.touchscreen.tap(*place_of(page, 150))
    assert page.locator("#map-chosen h3").inner_text() == "Item number 150 (1970)"


def test_paper_has_everything_unfolded(open_page, tmp_path):
    page = open_page(color_scheme="dark")
    assert page.locator("details:not([open])").count() > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    text, ground = colours(page, "section")
    assert brightness(text) < 250 < 700 < brightness(ground)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").stat().st_size > 20_000


def test_every_control_can_be_reached_by_the_keyboard_and_has_a_name(open_page):
    page = open_page()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    assert {"map-search", "map-in", "map-out", "map-whole", "Comedy"} <= reached
    names = page.eval_on_selector_all("button", "all => all.map(one => one.ariaLabel || one.innerText.trim())")
    assert all(names)


def test_at_1280_pixels_every_section_is_in_the_navigation_and_no_heading_hides_behind_it(open_page):
    page = open_page()
    links = page.locator("nav a")
    assert links.count() == page.locator("main > section").count() >= 10
    for link in links.all():
        box = link.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1280
    bar = page.locator("nav").bounding_box()
    for link in links.all():
        link.click()
        heading = page.locator(f"{link.get_attribute('href')} h2").bounding_box()
        assert page.evaluate("scrollY") == 0 or heading["y"] >= bar["height"]


@pytest.mark.parametrize("width", [390, 1280])
def test_every_scroll_area_is_reached_by_key_and_named(open_page, width):
    page = open_page(viewport={"width": width, "height": 844})
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    areas = page.evaluate(
        """[...document.querySelectorAll("body *")].filter((one) => one.checkVisibility()
            && ["overflowX", "overflowY"].some((axis) => ["auto", "scroll"].includes(getComputedStyle(one)[axis])))
            .map((one) => [one.tabIndex, one.getAttribute("role"), one.getAttribute("aria-label")])"""
    )
    assert len(areas) >= 7
    assert all(index == 0 and role == "region" and name for index, role, name in areas)
    names = [name for _, _, name in areas]
    assert len(set(names)) == len(names)


def test_on_a_phone_gates_show_their_interval_and_their_words_whole(open_page):
    page = open_page(viewport={"width": 390, "height": 844})
    for cell in page.locator("#gates .drawn svg, #gates .words").all():
        box = cell.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
