"""Talking to a running Hone: GraphQL and the events endpoint, with retries."""

import asyncio
import secrets
import time
from typing import Any, Self

import httpx
import msgspec

PATIENCE_SECONDS = 300.0
"""How long one request is repeated before Hone is taken to be away."""
CRASHES = 5
"""How often one request may meet a crash, which may be passing, before it is told."""
FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 4.0
TIMEOUT_SECONDS = 60.0

_chance = secrets.SystemRandom()


class Unreachable(Exception):
    """Hone did not answer, however often it was asked."""


class RequestRefused(Exception):
    """Hone understood and refused; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Client:
    """One key's view of one Hone. Every request is safe to repeat, and is repeated."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT_SECONDS
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def graphql(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data that a document answers.

        Raises:
            RequestRefused: A top-level error.
            Unreachable: No answer.
        """
        body = msgspec.json.encode({"query": document, "variables": variables})
        answer = await self._post("/graphql", body, {})
        if answer.get("errors"):
            raise _refusal(answer["errors"][0])
        data: dict[str, Any] = answer["data"]
        return data

    async def mutate(self, document: str, **variables: Any) -> dict[str, Any]:
        """The payload of a document's one mutation.

        Raises:
            RequestRefused: The mutation answered with a refusal.
            Unreachable: No answer.
        """
        data = await self.graphql(document, **variables)
        payload: dict[str, Any] = next(iter(data.values()))
        if "code" in payload:
            raise RequestRefused(payload["code"], payload["message"])
        return payload

    async def send(
        self, events: list[dict[str, Any]], *, batch_id: str
    ) -> dict[str, Any]:
        """Hand in events under an import's name; the answer counts the verdicts.

        Raises:
            RequestRefused: The batch as a whole was refused.
            Unreachable: No answer.
        """
        body = msgspec.json.encode(events)
        answer = await self._post("/v1/events", body, {"x-hone-batch": batch_id})
        if answer.get("errors"):
            raise _refusal(answer["errors"][0])
        return answer

    async def backlog(self) -> int:
        """How many events the server has stored and not folded yet."""
        response = await self._http.get("/healthz")
        return int(_read(response)["eventLog"]["backlog"])

    async def _post(
        self, path: str, body: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        headers = {"content-type": "application/json", **headers}
        deadline = time.monotonic() + PATIENCE_SECONDS
        wait, crashes = FIRST_WAIT_SECONDS, 0
        while True:
            try:
                response = await self._http.post(path, content=body, headers=headers)
            except httpx.TransportError as error:
                last = str(error) or type(error).__name__
            else:
                if response.status_code < 500 and response.status_code != 429:
                    answer = _read(response)
                    crashes += _crashed(answer)
                    if not _crashed(answer) or crashes == CRASHES:
                        return answer
                last = f"HTTP {response.status_code}"
            if time.monotonic() >= deadline:
                raise Unreachable(f"{self._http.base_url} does not answer: {last}.")
            await asyncio.sleep(wait * _chance.uniform(0.5, 1.0))
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)


def _refusal(error: dict[str, Any]) -> RequestRefused:
    code = error.get("extensions", {}).get("code", "REFUSED")
    return RequestRefused(code, error["message"])


def _crashed(answer: dict[str, Any]) -> bool:
    """Whether something broke there, which is no answer to the request."""
    errors = answer.get("errors") or [{}]
    return bool(errors[0].get("extensions", {}).get("code") == "INTERNAL")


def _read(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(response.content)
    except msgspec.DecodeError as error:
        raise RequestRefused(
            "NOT_HONE", f"HTTP {response.status_code} without JSON: is this Hone?"
        ) from error
    if not isinstance(answer, dict):
        raise RequestRefused("NOT_HONE", "The answer is no object: is this Hone?")
    return answer
