"""The results page, from a server that folds and analyses real events."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, Watched
from tests.browser.seeding import HOSTILE, Arm, Seed

pytestmark = pytest.mark.browser

WINNING = (Arm("long", 900, 180), Arm("short", 900, 252))
LOPSIDED = (Arm("old", 600, 120), Arm("new", 900, 250))


@pytest.fixture(scope="module")
def seed(server: Server, key: str) -> Iterator[Seed]:
    """The API with an administrator's key."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as http:
        yield Seed(http)


def test_results_appear_while_one_looks(
    server: Server, seed: Seed, signed_in: Watched
) -> None:
    seed.begin("short-form", "Shorter sign-up form", WINNING)
    page = signed_in.page
    page.goto(f"{server.url}/console/experiments/short-form")
    headline = page.locator("#headline")
    expect(headline).to_contain_text("too early to say")
    expect(page.get_by_text("Live")).to_be_visible()
    seed.finish("short-form", WINNING)
    expect(headline).to_contain_text("20.0%", timeout=30_000)
    expect(page.get_by_text("As planned", exact=True)).to_be_visible()
    expect(page.get_by_text("Ship", exact=True)).to_be_visible()
    signed_in.picture("results")


def test_intervals_stand_on_one_axis(server: Server, signed_in: Watched) -> None:
    page = signed_in.page
    page.goto(f"{server.url}/console/experiments/short-form")
    rows = page.locator("svg.interval")
    expect(rows).to_have_count(3)
    zeros = {line.get_attribute("x1") for line in rows.locator("line.zero").all()}
    assert len(zeros) == 1
    label = rows.first.get_attribute("aria-label") or ""
    assert re.fullmatch(r"Lift \+40\.\d%, interval \+\d+\.\d% to \+\d+\.\d%", label), (
        label
    )
    bar = page.locator("rect.bar.good")
    expect(bar.first).to_be_visible()
    assert float(bar.first.get_attribute("x") or 0) > float(zeros.pop() or 0)


def test_capped_and_raw_values_can_be_compared(
    server: Server, signed_in: Watched
) -> None:
    page = signed_in.page
    page.goto(f"{server.url}/console/experiments/short-form")
    row = page.get_by_role("row", name=re.compile("Revenue"))
    capped = row.inner_text()
    page.get_by_role("button", name="Raw").press("Enter")
    expect(page.get_by_role("button", name="Raw")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert row.inner_text() != capped


def test_an_invalid_effect_is_hidden_until_a_reviewer_says_why(
    server: Server, seed: Seed, signed_in: Watched
) -> None:
    seed.begin("lopsided", HOSTILE, LOPSIDED)
    seed.finish("lopsided", LOPSIDED)
    page = signed_in.page
    page.goto(f"{server.url}/console/experiments/lopsided")
    expect(page.get_by_text("The effect is hidden")).to_be_visible(timeout=30_000)
    expect(page.locator("rect.bar")).to_have_count(0)
    assert "27.8%" not in page.locator("main").inner_text()
    signed_in.picture("invalid")
    page.get_by_label("Why do you need to see them?").fill("Looking for the cause.")
    page.get_by_role("button", name="Show for review").click()
    expect(page.get_by_text("Shown for review only", exact=True)).to_be_visible()
    expect(page.get_by_text("27.78%").first).to_be_visible()
    expect(page.locator(".watermarked")).to_have_count(2)
    expect(page.locator("#headline")).to_contain_text("not valid")
    signed_in.picture("acknowledged")


def test_names_that_look_like_markup_stay_text(
    server: Server, signed_in: Watched
) -> None:
    page = signed_in.page
    for path in ("/console/experiments/lopsided", "/console"):
        page.goto(f"{server.url}{path}")
        name = page.get_by_text(HOSTILE.strip()[:28])
        expect(name.first).to_be_visible()
        assert page.locator("main img").count() == 0
    signed_in.picture("experiments")


def test_the_page_works_by_keyboard_and_in_the_dark(
    server: Server, signed_in: Watched
) -> None:
    page = signed_in.page
    page.emulate_media(color_scheme="dark")
    page.goto(f"{server.url}/console")
    page.get_by_role("link", name="Shorter sign-up form").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#main$"))
    page.get_by_role("link", name="Shorter sign-up form").press("Enter")
    expect(page.get_by_role("heading", name="Scorecard")).to_be_visible()
    signed_in.picture("results-dark")
