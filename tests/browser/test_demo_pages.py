"""The console on the demo company: its kill switch, its proposals, its way in."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import (
    OVERFLOW,
    START_SECONDS,
    UNFOLD,
    Server,
    Watched,
    press,
    visit,
    watching,
)

pytestmark = pytest.mark.browser

READY = """{ experiment(by: { key: "weekly-digest" }) {
  launchReadiness { ready } plannedUnits power { total } } }"""

GOVERN = """mutation ($input: UpdateProjectInput!) {
  updateProject(input: $input) { __typename ... on Error { message } } }"""


@pytest.fixture
def visitor(demo: Server, chromium: Browser) -> Iterator[Watched]:
    """Somebody at the demo's own machine, who is its administrator."""
    with watching(demo, chromium) as seen:
        yield seen


def test_a_kill_switch_is_thrown_seen_and_released_with_reasons(
    demo: Server, visitor: Watched
) -> None:
    page = visitor.page
    now = visit(demo, page, "search-first")
    now.get_by_text("Something else").click()
    press(now, "Throw the kill switch")
    press(now, "Give everyone the control")  # refused by the empty reason
    expect(now.get_by_text("Kill switch since")).to_have_count(0)
    now.get_by_label("Why?").fill("The search is empty on tablets.")
    press(now, "Give everyone the control")
    expect(now).to_contain_text("by Ada: “The search is empty on tablets.”")
    expect(now).to_contain_text("Everyone gets the control now.")
    expect(page.get_by_role("button", name="Throw the kill switch")).to_have_count(0)
    visitor.picture("killed")
    page.goto(f"{demo.url}/console")
    row = page.get_by_role("row").filter(has_text="Start on the search")
    expect(row).to_contain_text("The search is empty on tablets.")
    expect(row).to_contain_text("release the kill switch")
    expect(page.get_by_text("Kill switch since")).to_have_count(1)
    visitor.picture("killed-list")
    now = visit(demo, page, "search-first")
    press(now, "Release the kill switch")
    now.get_by_label("Why?").fill("The release is repaired.")
    press(now, "Release it")
    expect(now.get_by_text("Kill switch since")).to_have_count(0)
    expect(now).not_to_contain_text("release the kill switch")


def test_deciding_against_the_recommendation_says_what_follows_here(
    demo: Server, visitor: Watched
) -> None:
    page = visitor.page
    now = visit(demo, page, "team-setup")
    press(now, "Decide")
    choice = now.get_by_label("What do you decide?")
    expect(choice).to_have_value("INCONCLUSIVE")
    expect(now).to_contain_text("any difference is too small to matter")
    against = now.get_by_text("Nobody else reviews it; it will be stamped")
    expect(against).to_have_count(0)
    choice.select_option("SHIP:team-first")
    expect(against).to_be_visible()
    choice.select_option("ROLL_BACK")
    expect(against).to_have_count(0)
    expect(now).not_to_contain_text("somebody else")


def test_where_others_review_the_form_asks_for_their_agreement_first(
    demo: Server, visitor: Watched
) -> None:
    bea = ("bea@example.com", "--project", "lumen", "--role", "REVIEWER")
    demo.command("members", "invite", *bea, "--name", "Bea")
    page = visitor.page
    agree = "Agree to go against the recommendation"
    govern(demo, "TEAM")
    try:
        now = visit(demo, page, "team-setup")
        press(page.locator("#memo"), "Draft the memo")
        expect(now.get_by_role("button", name=agree)).to_be_visible()
        press(now, "Decide")
        now.get_by_label("What do you decide?").select_option("SHIP:team-first")
        expect(now).to_contain_text("another reviewer agrees first")
        expect(now).not_to_contain_text("Nobody else reviews it")
    finally:
        govern(demo, "SOLO")
    now = visit(demo, page, "team-setup")
    expect(now.get_by_role("button", name="Decide")).to_be_visible()
    expect(now.get_by_role("button", name=agree)).to_have_count(0)


def govern(demo: Server, governance: str) -> None:
    """Change how many people a decision of the demo's needs."""
    found = asked(demo, "{ project { version } }")
    given = {
        "idempotencyKey": f"govern-{governance}",
        "expectedVersion": found["project"]["version"],
        "governance": governance,
        "reason": "A test of what the console then says.",
    }
    answer = asked(demo, GOVERN, input=given)
    assert answer["updateProject"] == {"__typename": "ProjectPayload"}


def asked(demo: Server, query: str, **variables: Any) -> dict[str, Any]:
    """The data of one operation, as the demo's administrator."""
    body = {"query": query, "variables": variables}
    answer = httpx.post(f"{demo.url}/graphql", json=body, timeout=30).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


def test_a_proposed_number_is_said_before_the_start_takes_it(
    demo: Server, visitor: Watched
) -> None:
    found = _once_ready(demo)
    assert found["plannedUnits"] is None
    total = f"{int(found['power']['total']):,} users"
    page = visitor.page
    page.goto(f"{demo.url}/console")
    row = page.get_by_role("row").filter(has_text="A weekly digest by mail")
    expect(row).to_contain_text("Look through the checklist, then start it")
    now = visit(demo, page, "weekly-digest")
    expect(now).to_contain_text("Look through the checklist, then start it")
    expect(page.get_by_text(f"{total} in all arms are proposed")).to_be_visible()
    expect(page.get_by_text("That is 35 days.")).to_be_visible()
    press(now, "Start now")
    form = now.get_by_role("form", name="Start now")
    expect(form).to_contain_text(f"{total}, as proposed")
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(now.get_by_role("button", name="Start now")).to_be_focused()


def test_what_the_checklist_rests_on_is_named_and_fits_a_phone(
    demo: Server, visitor: Watched
) -> None:
    _once_ready(demo)
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 844})
    visit(demo, page, "weekly-digest")
    page.evaluate(UNFOLD)
    checks = page.locator("#readiness")
    expect(checks.get_by_role("columnheader", name="Minimum effect")).to_be_visible()
    expect(checks).to_contain_text("Help requests")
    expect(checks).not_to_contain_text("help_requests")
    assert page.evaluate(OVERFLOW) <= 0


def _once_ready(demo: Server) -> dict[str, Any]:
    """The draft, when the worker has looked at all of its checklist."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found: dict[str, Any] = asked(demo, READY)["experiment"]
        if found["launchReadiness"]["ready"] and found["power"]:
            return found
        time.sleep(0.5)
    pytest.fail(f"never ready: {found}")


def test_what_started_without_a_checklist_waits_for_no_check(
    demo: Server, visitor: Watched
) -> None:
    page = visitor.page
    visit(demo, page, "reports-limit")
    page.get_by_role("heading", name="Before the start").click()
    checks = page.locator("#readiness")
    expect(checks.get_by_text("Not checked", exact=True).first).to_be_visible()
    expect(checks).not_to_contain_text("being looked at")


def test_signed_out_of_the_demo_one_is_told_who_one_is(
    demo: Server, visitor: Watched
) -> None:
    page = visitor.page
    page.goto(f"{demo.url}/console")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Open the console as Ada").click()
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()


def test_a_wrong_address_leads_back_to_the_console(
    demo: Server, visitor: Watched
) -> None:
    page = visitor.page
    page.goto(f"{demo.url}/console/nothing/here")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("link", name="All experiments").click()
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    visitor.complaints.clear()  # the browser complains of the 404


def test_what_cannot_be_read_again_stays_and_is_said_to_be_old(
    demo: Server, visitor: Watched
) -> None:
    page = visitor.page
    now = visit(demo, page, "search-first")
    away = '{"errors": [{"message": "The database is away."}]}'
    page.route("**/graphql", lambda route: route.fulfill(status=503, body=away))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("The database is away.")
    expect(now).to_be_visible()
    page.unroute("**/graphql")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_have_count(0)
    visitor.complaints.clear()  # the browser complains of the 503
