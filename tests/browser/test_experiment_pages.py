"""An experiment from its draft to its shipping, as a product manager does it."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from api.auth import COOKIE
from tests.browser.conftest import (
    OVERFLOW,
    UNFOLD,
    Server,
    Watched,
    press,
    visit,
    watching,
)
from tests.browser.seeding import Arm, Seed, draft

pytestmark = pytest.mark.browser

LATER = (Arm("grid", 900, 180), Arm("list", 900, 252))
FRESH = (Arm("before", 700, 0), Arm("after", 700, 0))
NAMELESS = """
() => [...document.querySelectorAll("main input, main select, main textarea")]
  .filter((field) => !field.labels?.length && !field.getAttribute("aria-label"))
  .map((field) => field.outerHTML)
"""
SKIPPED = """
() => {
  const depths = [...document.querySelectorAll("main :is(h1, h2, h3, h4)")]
    .filter((heading) => heading.checkVisibility())
    .map((heading) => Number(heading.tagName[1]));
  return depths.filter((depth, place) => depth > (depths[place - 1] ?? 0) + 1);
}
"""
UNDER_WAY = re.compile("Let it run|Look on")


@pytest.fixture(scope="module")
def seed(server: Server, key: str) -> Iterator[Seed]:
    """A finished import to read, and a draft to start."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as http:
        seed = Seed(http)
        seed.begin("catalogue", "Catalogue as a list", LATER)
        seed.finish("catalogue", LATER)
        given = draft("sidebar", "Sidebar on the left", FRESH)
        seed.change("createExperiment", "CreateExperimentInput", given)
        yield seed


@pytest.fixture
def viewer(server: Server, watched: Watched) -> Watched:
    """Signed in as somebody who may only look."""
    who = ("vi@example.com", "--project", "acme", "--role", "VIEWER", "--name", "Vi")
    link = server.command("members", "invite", *who)["signInLink"]
    token = link.rsplit("/", 1)[1]
    response = httpx.post(f"{server.url}/console/sign-in", data={"token": token})
    watched.page.context.add_cookies(
        [{"name": COOKIE, "value": response.cookies[COOKIE], "url": server.url}]
    )
    return watched


@pytest.mark.usefixtures("seed")
def test_a_draft_is_started_once_its_checklist_is_settled(
    server: Server, signed_in: Watched
) -> None:
    page = signed_in.page
    now = visit(server, page, "sidebar")
    for group in ("You decide", "We checked", "Worth knowing"):
        expect(page.get_by_role("region", name=group, exact=True)).to_be_visible()
    ethics = page.get_by_role("listitem").filter(has_text="Fair to those who are in it")
    press(ethics, "Let it pass")
    expect(ethics.get_by_label("Why?")).to_be_focused()
    ethics.get_by_label("Why?").fill("Only the place of the sidebar changes.")
    press(ethics, "Let it pass")
    expect(ethics).to_contain_text("Ada let it pass")
    expect(ethics).to_contain_text("Only the place of the sidebar changes.")
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(SKIPPED) == []
    signed_in.picture("draft")
    press(now, "Start now")
    press(now.get_by_role("form", name="Start now"), "Start now")
    expect(now).to_contain_text(UNDER_WAY)
    expect(page.get_by_role("button", name="Start now")).to_have_count(0)


@pytest.mark.usefixtures("seed")
def test_what_runs_is_paused_and_resumed_with_a_reason(
    server: Server, signed_in: Watched
) -> None:
    page = signed_in.page
    now = visit(server, page, "sidebar")
    press(now, "Pause")
    expect(now.get_by_label("What stops?")).to_be_focused()
    now.get_by_label("Why?").fill("The release is late.")
    press(now, "Pause")
    expect(now).to_contain_text("Paused: resume it, or stop it")
    press(now, "Resume")
    expect(now).to_contain_text(UNDER_WAY)


@pytest.mark.usefixtures("seed")
def test_what_no_look_has_read_is_not_shipped_and_may_be_left_undecided(
    server: Server, signed_in: Watched
) -> None:
    page = signed_in.page
    now = visit(server, page, "sidebar")
    press(now, "Stop")
    now.get_by_label("Why?").fill("We have to move on.")
    press(now, "Stop")
    expect(now).to_contain_text("decide")
    press(now, "Decide")
    choice = now.get_by_label("What do you decide?")
    choice.select_option("SHIP:after")
    early = now.get_by_label("Why before the planned number was counted?")
    expect(early).to_be_visible()
    now.get_by_label("Why?", exact=True).fill("It is required by the new design.")
    early.fill("Nobody asked what it would bring.")
    now.get_by_label(re.compile("Tickets: why")).fill("The same help is there.")
    press(now, "Write it down")
    expect(now.get_by_role("alert")).to_contain_text("No look has read what after does")
    choice.select_option("INCONCLUSIVE")
    now.get_by_label("Why?", exact=True).fill("It was stopped before it could answer.")
    press(now, "Write it down")
    decided = page.get_by_role("region", name="Decision")
    expect(decided).to_contain_text("It was stopped before it could answer.")


@pytest.mark.usefixtures("seed")
def test_results_are_read_and_decided_on_with_a_memo(
    server: Server, signed_in: Watched
) -> None:
    page = signed_in.page
    now = visit(server, page, "catalogue")
    answer = page.get_by_role("region", name="What decides: Paid conversion")
    expect(answer).to_contain_text("+8.00 points", timeout=30_000)
    expect(answer).to_contain_text("at the planned end")
    expect(page.get_by_text("Not known to be safe").first).to_be_visible()
    press(page.locator("#memo"), "Draft the memo")
    expect(page.locator("#memo")).to_contain_text("Version 1")
    press(now, "Decide")
    choice = now.get_by_label("What do you decide?")
    expect(choice).to_have_value("SHIP:list")
    now.get_by_label("Why?", exact=True).fill("More people finish and pay.")
    press(now, "Write it down")
    accepted = now.get_by_label(re.compile("Tickets: why is it acceptable"))
    expect(accepted).to_be_focused()
    accepted.fill("Support has room for ten more a week.")
    press(now, "Write it down")
    decided = page.get_by_role("region", name="Decision")
    expect(decided).to_contain_text("Ship “list form”")
    expect(decided).to_contain_text("Support has room for ten more a week.")
    expect(page.get_by_text("Keep running")).to_have_count(0)
    headings = page.get_by_role("heading").all_inner_texts()
    assert headings.index("Decision") < headings.index("What was found")
    assert page.evaluate(NAMELESS) == []
    signed_in.picture("decided")


def test_a_winner_is_shipped_after_a_preview_held_and_rolled_back(
    demo: Server, chromium: Browser
) -> None:
    with watching(demo, chromium) as seen:
        _ship(demo, seen)


def _ship(demo: Server, seen: Watched) -> None:
    page = seen.page
    now = visit(demo, page, "pin-cart")
    press(now, "Preview shipping")
    now.get_by_label(re.compile("Who keeps the control")).select_option("0.05")
    press(now, "Show what would happen")
    preview = now.get_by_role("region", name="What shipping would do")
    expect(preview).to_contain_text("5.0% of everyone")
    expect(preview).to_contain_text("10%, then 50%, then 100%")
    seen.picture("preview")
    press(preview, "Ship “Cart pinned”")
    shipped = page.get_by_role("region", name="Being shipped")
    expect(shipped).to_contain_text("10% of everyone gets “Cart pinned”")
    press(shipped, "Hold it here")
    shipped.get_by_label("Why?").fill("Support is on holiday.")
    press(shipped, "Hold it here")
    expect(shipped).to_contain_text("Held at 10%: Support is on holiday.")
    press(shipped, "Roll back")
    shipped.get_by_label("Why?").fill("It breaks on tablets.")
    press(shipped, "Roll back")
    expect(page.get_by_role("heading", name=re.compile("rolled back"))).to_be_visible()
    seen.picture("rolled-back")


@pytest.mark.usefixtures("seed")
def test_a_viewer_reads_everything_and_is_offered_nothing_to_change(
    server: Server, viewer: Watched
) -> None:
    page = viewer.page
    for key in ("sidebar", "catalogue"):
        now = visit(server, page, key)
        expect(now.get_by_role("button")).to_have_count(0)
        page.evaluate(UNFOLD)
        offered = page.locator("main button").all_inner_texts()
        assert set(offered) <= {"Capped", "Raw", "Work it out"}
    viewer.picture("viewer")


@pytest.mark.usefixtures("seed")
def test_the_list_says_the_next_step_and_fits_a_phone(
    server: Server, signed_in: Watched
) -> None:
    page = signed_in.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/console")
    row = page.get_by_role("row").filter(has_text="Catalogue as a list")
    expect(row).to_contain_text("Paid conversion 20.0%")
    expect(row).to_contain_text("Ship “list form”")
    assert page.evaluate(OVERFLOW) <= 0
    signed_in.picture("experiments-phone")
    visit(server, page, "catalogue")
    expect(page.get_by_role("heading", name="Scorecard")).to_be_visible()
    assert page.evaluate(OVERFLOW) <= 0
    signed_in.picture("experiment-phone")
