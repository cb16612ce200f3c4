"""Personal details leave a text before it is kept; everything else stays."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.redaction import Detail, redact
from tests.core.personal_details import with_detail, without_detail

PERSONAL = [
    ("write to ann.lee+x@mail.example.co.uk please", Detail.EMAIL, "to [email] please"),
    ("Ann <ANN@EXAMPLE.ORG>", Detail.EMAIL, "Ann <[email]>"),
    ("see /u?mail=ann%40example.org", Detail.EMAIL, "see [email]"),
    ("jörg@müller.example.", Detail.EMAIL, "[email]."),
    ("card 4111 1111 1111 1111 was charged", Detail.CARD, "card [card] was"),
    ("5500-0000-0000-0004", Detail.CARD, "[card]"),
    ("amex 340000000000009.", Detail.CARD, "amex [card]."),
    ("order 12 4111111111111111 late", Detail.CARD, "order 12 [card] late"),
    ("pay DE89 3704 0044 0532 0130 00 now", Detail.IBAN, "pay [iban] now"),
    ("GB29NWBK60161331926819", Detail.IBAN, "[iban]"),
    ("gb29 nwbk 6016 1331 9268 19 is mine", Detail.IBAN, "[iban] is mine"),
    ("from 203.0.113.9:8080", Detail.IP, "from [ip]:8080"),
    ("ip 2001:db8::8a2e:370:7334 blocked", Detail.IP, "ip [ip] blocked"),
    ("::ffff:192.0.2.1 failed", Detail.IP, "[ip] failed"),
    ("call +44 20 7946 0958 today", Detail.PHONE, "call [phone] today"),
    ("call (555) 234-5678 today", Detail.PHONE, "[phone] today"),
    ("06 12 34 56 78", Detail.PHONE, "[phone]"),
    ("0049 (0)30 1234567", Detail.PHONE, "[phone]"),
    ("+1 (415) 555-2671 ext 4", Detail.PHONE, "[phone] ext 4"),
    ("https://a.example/x?token=abc123&page=2", Detail.TOKEN, "token=[token]&page=2"),
    ("https://bob:hunter2@a.example/x", Detail.TOKEN, "https://[token]@a.example/x"),
    ("https://a.example/r/Zk3nB8qLm2PwXy7TtRs4", Detail.TOKEN, "a.example/r/[token]"),
]

IMPERSONAL = [
    "the export of 1,000,000 rows took 3.5 hours on 2026-11-22 at 10:30:45",
    "order 20261122 and invoice 998877665",
    "version 10.4.2 of the app",
    "I pay 1200.50 a month for 12 seats, 2019 to 2026",
    "C++ std::vector and a ratio of 3:2:1",
    "meet 01/02/2026 or 1.2.2026 14",
    "4111 1111 1111 1112 is not a card number",
    "NO00 8601 1117 947 fails its check",
    "see https://a.example/blog/how-we-made-onboarding-faster-in-2026",
    "@everyone look, me @ home",
    "0.0000123 and 1e-9",
]


@pytest.mark.parametrize(("text", "detail", "expected"), PERSONAL)
def test_a_personal_detail_is_replaced(
    text: str, detail: Detail, expected: str
) -> None:
    redaction = redact(text)
    assert expected in redaction.text
    assert redaction.counts == {detail: 1}


@pytest.mark.parametrize("text", IMPERSONAL)
def test_what_is_not_personal_stays(text: str) -> None:
    assert redact(text).text == text
    assert redact(text).counts == {}


def test_each_kind_is_counted() -> None:
    redaction = redact("a@b.example, c@d.example or +44 20 7946 0958")
    assert redaction.text == "[email], [email] or [phone]"
    assert redaction.counts == {Detail.EMAIL: 2, Detail.PHONE: 1}


@given(st.text(alphabet="ab@.0123456789+-() :/?=&%[]emailphone", max_size=200))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text).text
    assert redact(once).text == once


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "1-",
        "a@",
        "a.",
        "1.",
        ":",
        "f:",
        "+",
        "http://",
        "x=",
        "%",
        "DE",
    ],
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        spent = []
        for _ in range(3):
            started = time.process_time()
            redact(text)
            spent.append(time.process_time() - started)
        return min(spent)

    # Eight times the length: linear work takes 8 times as long, quadratic work 64.
    assert seconds(16_000) < 24 * (seconds(2_000) + 0.001)


def test_recall_over_500_texts_with_a_detail() -> None:
    made = with_detail(seed=7, count=500)
    missed = [
        detail
        for text, detail in made
        if redact(text).text
        not in {text.replace(detail, kind.placeholder) for kind in Detail}
    ]
    assert len(missed) <= 10, missed


def test_false_hits_over_500_texts_without_one() -> None:
    changed = [t for t in without_detail(seed=7, count=500) if redact(t).counts]
    assert len(changed) <= 5, changed
