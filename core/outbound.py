"""The only way out: HTTP to an address that a customer chose, never to ourselves."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from types import TracebackType
from typing import Self

import httpx

from core.problems import Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_URL_LENGTH = 2048
PORTS = frozenset({80, 443, 8443})
DEFAULT_PORTS = {"http": 80, "https": 443}

GLOBAL_UNICAST = IPv6Network("2000::/3")
TUNNELS = tuple(
    ip_network(cidr) for cidr in ("2001::/32", "2002::/16", "192.88.99.0/24")
)
"""Ranges whose addresses carry another address: Teredo and 6to4."""
NEVER = tuple(
    ip_network(cidr)
    for cidr in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::/32",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "0.0.0.0/8",
    )
)
"""Machine metadata and link-local: refused even inside an allowed network."""


class AddressRefused(Invalid):
    """A URL that may not be called: its form, its port, or where it leads."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="ADDRESS_REFUSED", path=("url",))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller learns of a response: never its body."""

    status: int
    retry_after: str | None


@dataclass(frozen=True, slots=True)
class Pinned:
    """A URL together with the one address that its name stood for when checked."""

    url: httpx.URL
    address: Address
    port: int


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host, in the system's order of preference."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Outbound:
    """Checks all addresses of a name once, then connects to the one it checked.

    Redirects are not followed, proxies and environment are ignored, and the body of
    the response is not read. `allowed` networks are the operator's exceptions to
    'public addresses on usual ports only'; metadata services are never reachable.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[str] = (),
        timeout: float = 15.0,
        resolver: Resolver = resolve,
    ) -> None:
        self._allowed: tuple[Network, ...] = tuple(ip_network(cidr) for cidr in allowed)
        self._timeout = timeout
        self._resolve = resolver
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=timeout,
            # A kept connection is filed under its address alone, so another name
            # behind the same address would reuse it with the wrong certificate.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop all connections."""
        await self._client.aclose()

    async def check(self, url: str) -> Pinned:
        """Resolve a URL and refuse it unless every address may be reached.

        Raises:
            AddressRefused: It may not be called, or its name stands for nothing.
        """
        parsed, port = _parse(url)
        addresses = await self._addresses(parsed.host, port)
        for address in addresses:
            if not self._reachable(address, port):
                raise AddressRefused(
                    f"{parsed.host} leads to an address or a port that is not allowed."
                )
        return Pinned(parsed, addresses[0], port)

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """Send a body to a URL.

        Raises:
            AddressRefused: As `check`; nothing was sent.
            httpx.HTTPError: No answer.
            TimeoutError: No answer in time.
        """
        async with asyncio.timeout(self._timeout):
            pinned = await self.check(url)
            request = self._client.build_request(
                "POST",
                pinned.url.copy_with(host=str(pinned.address)),
                content=body,
                headers={**headers, "Host": pinned.url.netloc.decode("ascii")},
                extensions={"sni_hostname": pinned.url.host},
            )
            response = await self._client.send(request, stream=True)
            await response.aclose()
        return Answer(response.status_code, response.headers.get("retry-after"))

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            found = await self._resolve(host, port)
            addresses = [_plain(ip_address(text)) for text in found]
        except (OSError, ValueError) as error:
            raise AddressRefused(f"{host} stands for no address.") from error
        if not addresses:
            raise AddressRefused(f"{host} stands for no address.")
        return addresses

    def _reachable(self, address: Address, port: int) -> bool:
        if any(address in network for network in NEVER):
            return False
        if any(address in network for network in self._allowed):
            return True
        return port in PORTS and _is_public(address)


def _parse(url: str) -> tuple[httpx.URL, int]:
    if len(url) > MAX_URL_LENGTH:
        raise AddressRefused(f"A URL has at most {MAX_URL_LENGTH} characters.")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefused("This is not a URL.") from error
    if parsed.scheme not in DEFAULT_PORTS:
        raise AddressRefused("Only http and https can be called.")
    if parsed.userinfo:
        raise AddressRefused("A URL must not carry a user name or a password.")
    if not parsed.host or "%" in parsed.host:
        raise AddressRefused("This URL names no host.")
    return parsed, parsed.port or DEFAULT_PORTS[parsed.scheme]


def _plain(address: Address) -> Address:
    """An IPv4 address written as IPv6 is judged as what it is."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return not any(address in network for network in TUNNELS)
