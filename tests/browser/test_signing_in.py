"""Signing in and out, as a person does it."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, Watched

pytestmark = pytest.mark.browser


def test_a_link_is_spent_by_its_button_only(server: Server, watched: Watched) -> None:
    page = watched.page
    link = server.sign_in_link()
    page.goto(link)
    page.reload()
    watched.picture("sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/console")
    expect(page.get_by_text("Ada")).to_be_visible()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("does not work any more").wait_for()
    watched.complaints.clear()


def test_signing_out_closes_the_console(server: Server, watched: Watched) -> None:
    page = watched.page
    page.goto(server.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{server.url}/console/sign-in")
    page.goto(f"{server.url}/console")
    expect(page).to_have_url(f"{server.url}/console/sign-in")
