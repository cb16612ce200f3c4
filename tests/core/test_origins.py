"""Which origins may be listed, and which pages a list means."""

import pytest

from core.origins import MAX_ORIGINS, checked_origins, origins_of
from core.problems import Invalid

PATH = ("allowedOrigins",)
LISTED = (
    "https://app.example.com",
    "http://localhost:3000",
    "https://*.acme.com",
    "https://*.acme.com:8443",
    "capacitor://localhost",
    "http://[::1]:5173",
)


def test_a_list_is_kept_in_its_order_and_each_origin_once() -> None:
    assert checked_origins([*LISTED, LISTED[0]], path=PATH) == list(LISTED)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "*",
        "null",
        "app.example.com",
        "https://",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?x",
        "https://App.example.com",
        "HTTPS://app.example.com",
        "https://me@app.example.com",
        "https://app.example.com:",
        "https://app.example.com:0",
        "https://app.example.com:65536",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://app..example.com",
        "https://-app.example.com",
        "https://app.example.com.",
        "https://exämple.com",
        " https://app.example.com",
        "https://app.example.com\n",
        "https://*",
        "https://*.com",
        "https://*.0.0.1",
        "https://*.[::1]",
        "https://*example.com",
        "https://app.*.example.com",
        "https://*.*.example.com",
        "https://" + "a." * 200 + "com",
    ],
)
def test_what_is_no_origin_is_refused_where_it_stands(origin: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_origins([LISTED[0], origin], path=PATH)
    assert refused.value.path == ("allowedOrigins", "1")


def test_a_list_is_bounded() -> None:
    many = [f"https://a{number}.example.com" for number in range(MAX_ORIGINS + 1)]
    assert len(checked_origins(many[:-1], path=PATH)) == MAX_ORIGINS
    with pytest.raises(Invalid) as refused:
        checked_origins(many, path=PATH)
    assert refused.value.path == PATH


def test_an_empty_list_is_no_list() -> None:
    assert origins_of(()) is None


@pytest.mark.parametrize(
    "origin",
    [
        *(each for each in LISTED if "*" not in each),
        "https://a.acme.com",
        "https://a.b.acme.com",
        "https://a.acme.com:8443",
    ],
)
def test_a_listed_page_is_allowed(origin: str) -> None:
    listed = origins_of(LISTED)
    assert listed is not None
    assert listed.allow(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "*",
        "https://app.example.com:8443",
        "http://app.example.com",
        "https://evil-app.example.com",
        "https://app.example.com.evil.com",
        "https://example.com",
        "http://localhost",
        "http://localhost:30000",
        "https://acme.com",
        "https://evil-acme.com",
        "https://acme.com.evil.com",
        "https://a.acme.com.evil.com",
        "https://.acme.com",
        "https://a..acme.com",
        "http://a.acme.com",
        "https://a.acme.com:444",
        "https://A.acme.com",
        "https://evil.com/.acme.com",
        "https://evil.com:1.acme.com",
        "https://evil.com#.acme.com",
        "https://evil@a.acme.com",
        "https://a.acme.com\n",
        "https://*.acme.com",
    ],
)
def test_a_look_alike_is_not(origin: str) -> None:
    listed = origins_of(LISTED)
    assert listed is not None
    assert not listed.allow(origin)
