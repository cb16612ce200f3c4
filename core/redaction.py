"""Replace personal details in a text by placeholders before it is written anywhere."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

SEPARATORS = " \u00a0\u202f.\u2013-"
MIN_DIGITS, MAX_DIGITS = 8, 19
"""Digits in the shortest phone number and in the longest card number."""


class Detail(StrEnum):
    """A kind of personal detail; the value is what its placeholder says."""

    TOKEN = "token"  # noqa: S105 - what a placeholder says
    EMAIL = "email"
    IBAN = "iban"
    CARD = "card"
    IP = "ip"
    PHONE = "phone"

    @property
    def placeholder(self) -> str:
        """What stands in the text instead of the detail."""
        return f"[{self.value}]"


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text without personal details, and how many of each kind were taken out."""

    text: str
    counts: Mapping[Detail, int]


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int


def redact(text: str) -> Redaction:
    """Take tokens in addresses, e-mails, IBANs, cards, IPs and phone numbers out.

    Each pass is linear in the length of the text, and redacting twice changes nothing.
    """
    counts: dict[Detail, int] = {}
    for detail, find in _PASSES:
        text, found = _replace(text, detail.placeholder, find(text))
        if found:
            counts[detail] = found
    return Redaction(text, MappingProxyType(counts))


def _replace(text: str, placeholder: str, spans: Iterator[_Span]) -> tuple[str, int]:
    pieces: list[str] = []
    position = found = 0
    for span in spans:
        pieces += text[position : span.start], placeholder
        position, found = span.end, found + 1
    return "".join((*pieces, text[position:])), found


# Each pattern starts behind a look-behind that refuses the middle of a run, so that a
# run is tried from its first character only; that keeps the search linear.

_ADDRESS = re.compile(r"(?<![A-Za-z])(?:https?|wss?)://[^\s<>\"'`\[\]]+", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=://)[^/?#@\s]+(?=@)")
_SECRET_PARAMETER = re.compile(
    r"(?<=[?&#;])((?:[\w.\-]{0,40}[_\-.])?"
    r"(?:token|key|code|sig|signature|session|sid|secret|password|pwd|auth|jwt|otp))"
    r"=([^&#;\s]+)",
    re.IGNORECASE,
)
_OPAQUE = re.compile(r"(?<![A-Za-z0-9_\-.%])[A-Za-z0-9_\-.%]{20,}(?![A-Za-z0-9_\-.%])")


def _tokens(text: str) -> Iterator[_Span]:
    """Credentials, secret parameters and opaque parts, inside web addresses only."""
    for address in _ADDRESS.finditer(text):
        yield from _address_tokens(address.group(), address.start())


def _address_tokens(address: str, offset: int) -> Iterator[_Span]:
    spans = [match.span() for match in _CREDENTIALS.finditer(address)]
    spans += [match.span(2) for match in _SECRET_PARAMETER.finditer(address)]
    host_end = re.search(r"[/?#]", address[8:])
    if host_end is not None:
        path = 8 + host_end.start()
        spans += [
            match.span()
            for match in _OPAQUE.finditer(address, path)
            if _looks_random(match.group())
        ]
    position = 0
    for start, end in sorted(spans):
        if start >= position:
            yield _Span(offset + start, offset + end)
            position = end


def _looks_random(part: str) -> bool:
    """Whether digits stand among the letters, as in a token and not in a slug."""
    digits = sum(character.isdigit() for character in part)
    words = re.split(r"[\-_.]", part)
    longest = max(len(word) for word in words)
    return digits >= 3 and longest >= 16


_EMAIL = re.compile(
    r"(?<![\w.!#$&'*+/=?^`{|}~-])"
    r"[\w!#$&'*+/=?^`{|}~-][\w.!#$&'*+/=?^`{|}~-]*"
    r"(?:@|%40)"
    r"[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)+"
)


def _emails(text: str) -> Iterator[_Span]:
    return (_Span(*match.span()) for match in _EMAIL.finditer(text))


_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9])")
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22,
    "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23,
    "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21,
    "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27,
    "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "TN": 24, "TR": 26, "UA": 29, "VG": 24, "XK": 20,
}  # fmt: skip


def _ibans(text: str) -> Iterator[_Span]:
    """Account numbers with their country's length and right check digits."""
    for match in _IBAN_START.finditer(text):
        end = _iban_end(text, match.start())
        if end is not None:
            yield _Span(match.start(), end)


def _iban_end(text: str, start: int) -> int | None:
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    kept: list[str] = []
    position = start
    while len(kept) < length and position < len(text):
        character = text[position]
        if character.isascii() and character.isalnum():
            kept.append(character.upper())
        elif character not in " -" or text[position - 1] in " -":
            break
        position += 1
    inside = position < len(text) and text[position].isalnum()
    if not length or len(kept) < length or inside:
        return None
    moved = "".join((*kept[4:], *kept[:4]))
    number = int("".join(str(int(character, 36)) for character in moved))
    return position if number % 97 == 1 else None


_DIGIT_RUN = re.compile(rf"(?<!\w)[0-9](?:[{SEPARATORS}]?[0-9])+(?!\w)")
_DIGITS = re.compile(r"[0-9]+")
_CARD = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}){0,2}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|35[0-9]{14}|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}"
    r"|62[0-9]{14,17}|(?:50|5[6-8]|6[0-9])[0-9]{14}"
)


def _cards(text: str) -> Iterator[_Span]:
    """Payment cards: an issuer's prefix and length, and Luhn's check digit."""
    for run in _DIGIT_RUN.finditer(text):
        yield from _within(run, _DIGITS, _is_card)


def _is_card(digits: str, _written: str) -> bool:
    return _CARD.fullmatch(digits) is not None and _passes_luhn(digits)


def _within(
    run: re.Match[str], group: re.Pattern[str], accepts: Callable[[str, str], bool]
) -> Iterator[_Span]:
    """Accepted stretches of whole groups; from each group on, the longest wins."""
    written = run.group()
    groups = [(part.start(), part.end()) for part in group.finditer(written)]
    digits = [written[start:end].lstrip("+(") for start, end in groups]
    first = 0
    while first < len(groups):
        start, found, joined = groups[first][0], None, ""
        for last in range(first, len(groups)):
            joined += digits[last]
            if len(joined) > MAX_DIGITS:
                break
            end = groups[last][1]
            if len(joined) >= MIN_DIGITS and accepts(joined, written[start:end]):
                found = last
        if found is None:
            first += 1
        else:
            yield _Span(run.start() + start, run.start() + groups[found][1])
            first = found + 1


def _passes_luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_IPV4 = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w]|\.[0-9])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]+(?:\.[0-9]{1,3}){0,3}(?![\w:])")


def _ips(text: str) -> Iterator[_Span]:
    found = [*_IPV4.finditer(text), *_IPV6.finditer(text)]
    position = 0
    for match in sorted(found, key=lambda one: one.start()):
        if match.start() >= position and _is_ip(match.group()):
            yield _Span(*match.span())
            position = match.end()


def _is_ip(candidate: str) -> bool:
    if len(candidate) > 45 or (":" in candidate and not any(map(_is_hex, candidate))):
        return False
    try:
        ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return True


def _is_hex(character: str) -> bool:
    return character in "0123456789abcdefABCDEF"


_PHONE_RUN = re.compile(
    rf"(?<![\w.,/+(])[+(]{{0,2}}[0-9](?:[()/+{SEPARATORS}]{{0,3}}[0-9])+(?!\w)"
)
_PHONE_GROUP = re.compile(r"[+(]{0,2}[0-9]+")
_DATE = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}([-/.])[0-9]{1,2}\1[0-9]{1,2}"
    r"|[0-9]{1,2}([-/.])[0-9]{1,2}\2(?:19|20)?[0-9]{2})(?![0-9])"
)
_NATIONAL = re.compile(r"0[1-9][0-9]{7,10}|1?[2-9][0-9]{2}[2-9][0-9]{6}")
_INTERNATIONAL = re.compile(r"(?:00)?[1-9][0-9]{7,15}")


def _phones(text: str) -> Iterator[_Span]:
    for run in _PHONE_RUN.finditer(text):
        for span in _within(run, _PHONE_GROUP, _is_phone):
            written = text[span.start : span.end]
            outer = written[0] == "(" and written.count("(") > written.count(")")
            yield _Span(span.start + outer, span.end)


def _is_phone(digits: str, written: str) -> bool:
    """An international prefix, a trunk zero, or the ten digits of North America."""
    opening = written.lstrip("(")
    pattern = _INTERNATIONAL if opening.startswith(("+", "00")) else _NATIONAL
    if pattern.fullmatch(digits) is None or "+" in opening[1:]:
        return False
    return _DATE.search(written) is None


_PASSES: tuple[tuple[Detail, Callable[[str], Iterator[_Span]]], ...] = (
    (Detail.TOKEN, _tokens),
    (Detail.EMAIL, _emails),
    (Detail.IBAN, _ibans),
    (Detail.CARD, _cards),
    (Detail.IP, _ips),
    (Detail.PHONE, _phones),
)
