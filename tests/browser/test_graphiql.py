"""GraphiQL, served by ourselves."""

import pytest

from tests.browser.conftest import Server, Watched

pytestmark = pytest.mark.browser


def test_graphiql_runs_a_day_one_operation(server: Server, signed_in: Watched) -> None:
    page = signed_in.page
    page.goto(f"{server.url}/console/graphql")
    page.get_by_role("button", name="Experiments", exact=True).wait_for()
    page.get_by_label("Execute query").click()
    result = page.get_by_label("Result Window")
    result.get_by_text('"edges"').wait_for()
    assert "errors" not in result.inner_text()
    signed_in.picture("graphiql")


def test_graphiql_shows_the_schema(server: Server, signed_in: Watched) -> None:
    page = signed_in.page
    page.goto(f"{server.url}/console/graphql")
    page.get_by_label("Show Documentation Explorer").click()
    page.get_by_text("Root Types").wait_for()
    page.get_by_role("link", name="Query", exact=True).click()
    page.get_by_role("link", name="experiments", exact=True).wait_for()
