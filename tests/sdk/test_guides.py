"""What the guides show is true: operations fit the schema, and snippets run."""

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from api.graphql.schema import GRAPHQL
from core.conditions import validated
from core.conditions.operators import OPERATORS
from core.subject_token import verify
from tests.api.conftest import Edge
from tests.api.test_registered_documents import add
from tests.npm import ANSWER_SECONDS, installed
from tests.ofrep.conftest import VALUES

DOCS = Path(__file__).parents[2] / "docs"
EXPERIMENTS = (DOCS / "experiments.md").read_text()
FRONT_ENDS = (DOCS / "front-ends.md").read_text()


LINKS = [
    (page.name, target)
    for page in sorted(DOCS.glob("*.md"))
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    if "://" not in target
]


def anchors(page: Path) -> set[str]:
    """What a link may name in a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in titles}


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_what_is_linked_is_there(page: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = DOCS / (path or page)
    assert file.exists()
    assert not anchor or anchor in anchors(file)


def blocks(page: str, language: str) -> list[str]:
    """The page's snippets in a language."""
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


OPERATIONS = blocks(EXPERIMENTS, "graphql") + blocks(FRONT_ENDS, "graphql")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_fits_the_schema(operation: str) -> None:
    assert validate(GRAPHQL, parse(operation)) == []


def test_there_are_operations_to_try() -> None:
    assert len(OPERATIONS) == 21


def test_the_table_has_every_operator() -> None:
    table = [line for line in EXPERIMENTS.splitlines() if line.startswith("|")]
    shown = {
        name for line in table for name in re.findall(r"\$\w+", line.split("|")[1])
    }
    others = "$not $and $or $nor $elemMatch $size $all $alli $inGroup $notInGroup"
    assert shown == {*OPERATORS, *others.split(), "$savedGroup"}


def test_the_targeting_that_is_shown_may_be_saved() -> None:
    (shown,) = blocks(EXPERIMENTS, "json")
    condition = validated(json.loads(shown)["targeting"])
    someone: dict[str, Any] = {"plan": "pro", "app": {"version": "2.11.0"}}
    assert condition.holds(someone)
    assert not condition.holds(someone | {"country": "CZ"})
    assert not condition.holds(someone | {"app": {"version": "2.9.0"}})


def test_the_signature_that_is_shown_is_accepted() -> None:
    (signer,) = blocks(FRONT_ENDS, "python")
    run = f"{signer}\nprint(signed('s' * 32, 'user-42'))"
    done = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, check=True
    )
    token = done.stdout.strip()
    assert verify("s" * 32, token, datetime.now(UTC)).user_id == "user-42"


async def test_a_registered_document_is_asked_for_as_shown(
    flags: Edge, url: str
) -> None:
    node = await installed(DOCS.parent / "tests/sdk")
    (document,) = [text for text in OPERATIONS if text.startswith("query Mine")]
    answer = await add(flags, document)
    sha256 = answer["data"]["registerDocument"]["document"]["sha256"]
    assert sha256 == hashlib.sha256(document.encode()).hexdigest()
    (code,) = blocks(FRONT_ENDS, "javascript")
    for shown, real in (
        ("your_documents_hash", sha256),
        ("hk_c_your_client_key", flags.tenant.client),
        ("http://localhost:8000", url),
    ):
        assert shown in code
        code = code.replace(shown, real)
    process = await asyncio.create_subprocess_exec(
        node,
        *("--input-type=module", "--eval", code),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(ANSWER_SECONDS):
        printed, _ = await process.communicate()
    assert {row["experimentKey"] for row in json.loads(printed)} == VALUES.keys()


async def test_a_subscription_is_opened_as_shown(flags: Edge, url: str) -> None:
    (shown,) = (each for each in blocks(FRONT_ENDS, "json") if "subscribe" in each)
    first, second = shown.strip().splitlines()
    spoken = Subprotocol("graphql-transport-ws")
    address = f"{url.replace('http', 'ws', 1)}/graphql"
    async with (
        asyncio.timeout(10),
        connect(address, subprotocols=[spoken]) as socket,
    ):
        await socket.send(first.replace("hk_c_your_client_key", flags.tenant.client))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(second)
        heard = json.loads(await socket.recv())
    assert heard["type"] == "next"
    assert heard["payload"]["data"]["assignmentInvalidated"]["etag"]
