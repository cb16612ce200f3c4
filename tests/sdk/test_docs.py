"""The snippets of the guides run as they stand, but for the address and the names."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.api.conftest import Edge
from tests.npm import ANSWER_SECONDS, installed
from tests.ofrep.conftest import VALUES

ROOT = Path(__file__).parents[2]
FOLDERS = {"openfeature.md": ROOT / "tests/ofrep", "sdk.md": ROOT / "tests/sdk"}
SNIPPETS = [
    (page, language, code)
    for page in FOLDERS
    for language, code in re.findall(
        r"```(python|javascript)\n(.*?)```", (ROOT / "docs" / page).read_text(), re.S
    )
]


@pytest.mark.parametrize(
    ("page", "language", "code"),
    SNIPPETS,
    ids=[f"{page}-{language}" for page, language, _ in SNIPPETS],
)
async def test_a_snippet_prints_the_variant(
    flags: Edge, url: str, page: str, language: str, code: str
) -> None:
    for shown, real in (
        ("http://localhost:8000", url),
        ("hk_c_your_client_key", flags.tenant.client),
        ("button-colour", "flag-string"),
    ):
        assert shown in code
        code = code.replace(shown, real)
    command = [sys.executable, "-c", code]
    if language == "javascript":
        node = await installed(FOLDERS[page])
        command = [node, "--input-type=module", "--eval", code]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=FOLDERS[page],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    # An SDK tells its callback of the exposure; OpenFeature's clients have none.
    lines = 2 if page == "sdk.md" else 1
    printed: list[str] = []
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(printed) < lines:
                printed.append((await process.stdout.readline()).decode().strip())
    finally:
        # One that follows changes would go on for ever.
        if process.returncode is None:
            process.kill()
        _, complaint = await process.communicate()
    *exposures, value = sorted(printed, key=lambda line: line.startswith("exposed "))[
        ::-1
    ]
    assert value in VALUES["flag-string"], complaint.decode()
    if exposures:
        arm = ("control", "treatment")[VALUES["flag-string"].index(value)]
        assert exposures == [f"exposed flag-string {arm}"], complaint.decode()
    assert "Traceback" not in complaint.decode()


def test_there_are_snippets_to_try() -> None:
    assert len(SNIPPETS) == 4
