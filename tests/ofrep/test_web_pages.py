"""What a real Chromium lets a page read: what its origin is listed for, and no more."""

import pytest

from tests.api.conftest import Edge
from tests.api.opened import allow
from tests.ofrep.test_web_client import Tab, site, tab

__all__ = ["site", "tab"]

pytestmark = pytest.mark.browser

READ = """async ([url, key]) => {
  const post = (body) => ({
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify(body),
  });
  const query = '{ assignments(subject: {userId: "u1"}) { etag } }';
  const context = { targetingKey: "u1" };
  const doors = {
    graphql: ["/graphql", post({ query })],
    ofrep: ["/ofrep/v1/evaluate/flags", post({ context })],
    // A copy may be shown for 30 seconds, as what it says then is what it said.
    features: [`/api/features/${key}`, { cache: "no-store" }],
    eval: [`/api/eval/${key}`, post({ attributes: { id: "u1" } })],
  };
  const found = {};
  for (const [name, [path, how]] of Object.entries(doors)) {
    found[name] = await fetch(url + path, how)
      .then(async (answer) => answer.ok && (await answer.text()).length > 0)
      .catch(() => null);
  }
  const opened = (stream) =>
    new Promise((done) => {
      stream.onopen = () => done(true);
      stream.onerror = () => done(null);
    }).finally(() => stream.close());
  found.sub = await opened(new EventSource(`${url}/sub/${key}`));
  found.stream = await opened(new EventSource(`${url}/ofrep/v1/streams/${key}`));
  const address = url.replace("http", "ws") + "/graphql";
  const socket = new WebSocket(address, "graphql-transport-ws");
  const payload = { "x-api-key": key };
  found.socket = await new Promise((done) => {
    socket.onopen = () =>
      socket.send(JSON.stringify({ type: "connection_init", payload }));
    socket.onmessage = () => done(true);
    socket.onclose = () => done(null);
  }).finally(() => socket.close());
  return found;
}"""
DOORS = ("graphql", "ofrep", "features", "eval", "sub", "stream", "socket")


async def test_a_page_reads_what_its_origin_is_listed_for(
    flags: Edge, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.auth._FRESH_SECONDS", 0.0)
    await tab.page.goto(f"{tab.site}/package.json")
    for listed, reads in (
        ((), True),
        (("https://app.example.com", tab.site), True),
        (("https://app.example.com", "https://*.localhost"), None),
    ):
        await allow(flags, *listed)
        found = await tab.page.evaluate(READ, [tab.url, flags.tenant.client])
        assert found == dict.fromkeys(DOORS, reads), listed
