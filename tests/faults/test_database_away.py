"""Assignments while the database is away, and changes between two servers."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from core import keys, reach
from core.database import Database
from core.keys import KeyKind
from core.tenancy import Role, environment_by_key, project_by_key
from tests.api.experiments import DRAFT
from tests.conftest import ON_POSTGRES, StoreUrls
from tests.faults.proxy import Relay, relaying
from tests.processes import Api, Installation, Process, until

pytestmark = pytest.mark.stores

needs_two = pytest.mark.skipif(not ON_POSTGRES, reason="SQLite has one process")

ASSIGN = """
query ($subject: SubjectInput!) {
  assignments(subject: $subject) {
    assignments { experimentKey variant value cause }
  }
}
"""
PEOPLE = 60


@pytest.fixture
def relay(installation: Installation, store_urls: StoreUrls) -> Iterator[Relay]:
    """What the installation reaches its PostgreSQL through."""
    server = urlsplit(store_urls.events)
    with relaying(server.hostname or "127.0.0.1", server.port or 5432) as relay:
        for name in ("DATABASE_URL", "EVENTS_URL"):
            url = urlsplit(installation.settings[name])
            place = f"{url.username or 'root'}@127.0.0.1:{relay.port}"
            installation.settings[name] = urlunsplit(url._replace(netloc=place))
        yield relay


@pytest.fixture
async def client_key(key: str, store_urls: StoreUrls) -> str:
    """A browser's key, in the project of the administrator's."""
    database = Database(store_urls.facts)
    async with database.sessions.begin() as session:
        project = await project_by_key(session, "acme")
        assert project is not None
        environment = await environment_by_key(session, project.id, "production")
        assert environment is not None
        issued = await keys.issue(
            session,
            environment_id=environment.id,
            kind=KeyKind.CLIENT,
            role=Role.VIEWER,
            name="browser",
        )
    await database.dispose()
    return issued.text


def set_up(api: Api) -> None:
    """Two running experiments; who is in the second, only stored traits say."""
    api.do(
        "createMetric",
        {
            "idempotencyKey": "paid",
            "key": "paid",
            "name": "Paid",
            "kind": "CONVERSION",
            "eventName": "paid",
            "direction": "INCREASE",
        },
    )
    for name, targeting in (("short-form", None), ("for-pros", {"plan": "pro"})):
        draft = {**DRAFT, "key": name, "idempotencyKey": name, "targeting": targeting}
        api.do("createExperiment", draft)
        change(api, "startExperiment", name, kind="TransitionExperiment", version=1)


def tell(api: Api) -> None:
    """Keep on record who is a pro."""
    for person in range(0, PEOPLE, 6):
        given = {"userId": f"u{person}", "attributes": {"plan": "pro"}}
        api.do("identify", {"idempotencyKey": f"i{person}", "subject": given})


def change(
    api: Api, mutation: str, name: str, *, version: int, kind: str = "", **more: Any
) -> None:
    """Take one step of an experiment."""
    kind = kind or mutation[0].upper() + mutation[1:]
    given = {
        "idempotencyKey": f"{mutation}-{name}-{version}",
        "experiment": {"key": name},
        "expectedVersion": version,
        **more,
    }
    query = (
        f"mutation($input: {kind}Input!) {{ {mutation}(input: $input) "
        "{ __typename ... on Error { code message } } }"
    )
    answer = api.ask(query, input=given)[mutation]
    assert "code" not in answer, answer


@dataclass
class Browser:
    """Asks for assignments, one person after another, and keeps the answers."""

    url: str
    key: str
    wrong: list[object] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def causes(self) -> dict[str, str]:
        """Why the first person gets what it gets, by experiment."""
        found = self.answer(0).json()["data"]["assignments"]["assignments"]
        return {each["experimentKey"]: each["cause"] for each in found}

    def sees(self, name: str, cause: str) -> bool:
        """Whether an experiment's answer is given for this reason."""
        return self.causes().get(name) == cause

    def answer(self, person: int) -> httpx.Response:
        """One person's assignments."""
        return self.client.post(
            f"{self.url}/graphql",
            json={"query": ASSIGN, "variables": {"subject": {"userId": f"u{person}"}}},
            headers={"authorization": f"Bearer {self.key}"},
        )

    def everyone(self) -> dict[int, Any]:
        """What each person is given."""
        return {person: self.answer(person).json() for person in range(PEOPLE)}

    def other_doors(self) -> list[int]:
        """How OpenFeature's clients and the SDKs are answered."""
        flags = self.client.post(
            f"{self.url}/ofrep/v1/evaluate/flags",
            json={"context": {"targetingKey": "u0"}},
            headers={"authorization": f"Bearer {self.key}"},
        )
        payload = self.client.get(f"{self.url}/api/features/{self.key}")
        return [flags.status_code, payload.status_code]

    def report(self) -> httpx.Response:
        """Send one event, always the same."""
        return self.client.post(
            f"{self.url}/v1/events",
            json=[{"id": "e1", "name": "paid", "userId": "u0"}],
            headers={"authorization": f"Bearer {self.key}"},
        )

    def go_on(self, expected: Mapping[int, Any], stop: threading.Event) -> None:
        """Ask without a pause; what is not as expected is kept."""
        person = 0
        while not stop.is_set():
            began = time.monotonic()
            try:
                answer = self.answer(person)
                if answer.status_code != 200 or answer.json() != expected[person]:
                    self.wrong.append((person, answer.status_code, answer.text))
            except httpx.TransportError as error:
                self.wrong.append((person, repr(error)))
            self.seconds.append(time.monotonic() - began)
            person = (person + 1) % PEOPLE


Browse = Callable[[str], Browser]


@pytest.fixture
def browse(client_key: str) -> Iterator[Browse]:
    """Opens browsers on servers."""
    with ExitStack() as stack:

        def opened(url: str) -> Browser:
            browser = Browser(url, client_key)
            stack.enter_context(browser.client)
            return browser

        yield opened


def health(url: str) -> dict[str, Any]:
    """What /healthz says."""
    answer: dict[str, Any] = httpx.get(f"{url}/healthz", timeout=10).json()
    return answer


@contextmanager
def streaming(url: str) -> Iterator[list[str]]:
    """What an event stream sends, line by line, for the length of the block."""
    heard: list[str] = []

    def listen(client: httpx.Client) -> None:
        with suppress(httpx.TransportError), client.stream("GET", url) as response:
            heard.extend(line for line in response.iter_lines() if "data:" in line)

    with httpx.Client(timeout=60) as client:
        threading.Thread(target=listen, args=(client,), daemon=True).start()
        yield heard


def refused(api: Api) -> httpx.Response:
    """A query that only the database can answer."""
    return httpx.post(
        f"{api.url}/graphql",
        json={"query": '{ experiment(by: {key: "short-form"}) { name } }'},
        headers={"authorization": f"Bearer {api.key}"},
        timeout=10,
    )


def started_alone(installation: Installation) -> tuple[Process, str]:
    """A server that is not healthy, and need not be."""
    process = installation.start("serve", "--port", "0")
    return process, process.wait_for(r"^GraphQL\s+(http\S+)/graphql$")


@needs_two
@pytest.mark.parametrize(
    "seconds", [pytest.param(6, id="short"), pytest.param(60, marks=pytest.mark.slow)]
)
def test_assignments_outlast_the_database_and_a_restart(
    installation: Installation, relay: Relay, key: str, browse: Browse, seconds: int
) -> None:
    server, url = installation.serve()
    api, browser = Api(url, key), browse(url)
    set_up(api)
    tell(api)
    expected = browser.everyone()
    assert browser.causes() == {"short-form": "SPLIT", "for-pros": "SPLIT"}
    assert browser.other_doors() == [200, 200]
    stop = threading.Event()
    asking = threading.Thread(target=browser.go_on, args=(expected, stop))
    asking.start()
    relay.cut()
    time.sleep(seconds / 2)
    answer = refused(api)
    assert answer.status_code == 503, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert int(answer.headers["retry-after"]) > 0
    assert health(url)["status"] == "degraded"
    lost = browser.report()
    assert (lost.status_code, lost.json()["errors"][0]["extensions"]["code"]) == (
        503,
        "UNAVAILABLE",
    )
    assert lost.headers["access-control-allow-origin"] == "*"
    relay.freeze()
    time.sleep(seconds / 2)
    assert refused(api).status_code == 503
    stop.set()
    asking.join()
    assert browser.wrong == []
    assert browser.other_doors() == [200, 200]
    assert len(browser.seconds) > 20 * seconds
    assert max(browser.seconds) < 4 * reach.PATIENCE_SECONDS
    assert health(url)["assignments"]["databaseAwaySeconds"] > seconds / 2
    server.kill()
    relay.cut()
    _, url = started_alone(installation)
    again = browse(url).everyone()
    assert browse(url).other_doors() == [200, 200]
    for person, found in again.items():
        assert of("short-form", found) == of("short-form", expected[person])
    assert health(url)["status"] == "degraded"
    assert refused(replace(api, url=url)).status_code == 503
    relay.restore()
    until(lambda: health(url)["status"] == "ok", seconds=20)
    assert browse(url).everyone() == expected
    assert browse(url).report().json()["accepted"] == 1


def of(name: str, answer: Any) -> Any:
    """What an answer says of one experiment."""
    found = answer["data"]["assignments"]["assignments"]
    return next(each for each in found if each["experimentKey"] == name)


@pytest.mark.skipif(ON_POSTGRES, reason="about a file")
def test_a_start_without_the_file_answers_from_what_was_kept(
    installation: Installation, key: str, browse: Browse, tmp_path: Path
) -> None:
    server, url = installation.serve()
    set_up(Api(url, key))
    expected = browse(url).answer(1).json()
    server.stop()
    facts, hidden = tmp_path / "facts.sqlite", tmp_path / "hidden"
    facts.rename(hidden)
    facts.mkdir()
    server, url = started_alone(installation)
    assert browse(url).answer(1).json() == expected
    assert refused(Api(url, key)).status_code == 503
    assert health(url)["status"] == "degraded"
    facts.rmdir()
    hidden.rename(facts)
    until(lambda: health(url)["status"] == "ok")
    assert refused(Api(url, key)).status_code == 200


def test_nothing_kept_is_no_start(installation: Installation) -> None:
    installation.settings["DATABASE_URL"] = "postgresql://x@127.0.0.1:1/x"
    done = installation.attempt("serve", "--port", "0")
    assert done.returncode == 4, done.stderr
    assert "nothing that could be served" in done.stderr.replace("\n", " ")


@needs_two
@pytest.mark.parametrize("with_redis", [False, True], ids=["polling", "redis"])
def test_a_publish_is_seen_by_the_other_server(
    installation: Installation, key: str, browse: Browse, with_redis: bool
) -> None:
    if not with_redis:
        installation.settings["REDIS_URL"] = ""
    _, here = installation.serve()
    _, there = installation.serve()
    api, browser = Api(here, key), browse(there)
    set_up(api)
    until(lambda: len(browser.causes()) == 2)
    took: list[float] = []
    for turn in range(3):
        for step, cause in (("pause", "PAUSED"), ("resume", "SPLIT")):
            more = {"mode": "PAUSE_SERVING", "reason": "A test."}
            version = 2 + 2 * turn + (step == "resume")
            change(
                api,
                f"{step}Experiment",
                "short-form",
                version=version,
                **(more if step == "pause" else {"kind": "TransitionExperiment"}),
            )
            began = time.monotonic()
            until(partial(browser.sees, "short-form", cause))
            took.append(time.monotonic() - began)
    assert statistics.median(took) < (0.5 if with_redis else 2)
    with streaming(f"{there}/sub/{browser.key}") as heard:
        until(lambda: heard)
        before = len(heard)
        began = time.monotonic()
        given = {"idempotencyKey": "kill", "scope": "ALL", "reason": "A fire."}
        api.do("throwKillSwitch", given)
        until(partial(browser.sees, "short-form", "KILLED"))
        until(lambda: len(heard) > before)
        assert time.monotonic() - began < 5
