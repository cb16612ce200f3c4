"""OpenFeature's SDK for Node, with its OFREP provider, as it is published."""

from pathlib import Path
from typing import Any

from tests.api.conftest import Edge
from tests.npm import Script, running
from tests.ofrep.conftest import VALUES, pause

SCRIPT = Path(__file__).parent / "server.mjs"
KINDS: dict[str, tuple[str, Any]] = {
    "flag-bool": ("boolean", False),
    "flag-string": ("string", "none"),
    "flag-int": ("number", 0),
    "flag-float": ("number", 0),
    "flag-object": ("object", {}),
}
SUBJECT = {"targetingKey": "u1", "plan": "pro"}


async def ask(
    script: Script,
    key: str,
    kind: str,
    fallback: object,
    context: dict[str, object] | None = None,
) -> dict[str, Any]:
    """One evaluation."""
    asked = {"key": key, "kind": kind, "fallback": fallback}
    await script.say({**asked, "context": context or SUBJECT})
    found: dict[str, Any] = await script.line()
    return found


async def test_it_reads_every_type_and_names_every_error(flags: Edge, url: str) -> None:
    async with running(SCRIPT, url, flags.tenant.client) as script:
        for key, (kind, fallback) in KINDS.items():
            found = await ask(script, key, kind, fallback)
            assert "errorCode" not in found, found
            assert found["reason"] == "SPLIT"
            assert found["value"] == VALUES[key][found["variant"] == "treatment"]
            assert found["flagMetadata"]["experimentKey"] == key
        missing = await ask(script, "absent", "boolean", True)
        assert (missing["errorCode"], missing["value"]) == ("FLAG_NOT_FOUND", True)
        other = await ask(script, "flag-bool", "string", "none")
        assert (other["errorCode"], other["value"]) == ("TYPE_MISMATCH", "none")
        nobody = await ask(script, "flag-bool", "boolean", False, {"plan": "pro"})
        assert nobody["errorCode"] == "TARGETING_KEY_MISSING"
        await pause(flags, "flag-int")
        paused = await ask(script, "flag-int", "number", 0)
        assert (paused["reason"], paused["value"]) == ("DISABLED", 10)


async def test_a_wrong_key_gives_the_default(url: str) -> None:
    async with running(SCRIPT, url, "wrong") as script:
        found = await ask(script, "flag-string", "string", "none")
    assert (found["errorCode"], found["value"]) == ("GENERAL", "none")
