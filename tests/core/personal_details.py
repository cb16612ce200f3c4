"""Five hundred texts with a personal detail each, and as many without, by one seed."""

import random
from collections.abc import Callable

SENTENCES = (
    "Hello, {} is where I am, and the export still fails.",
    "My details: {}. Please call back.",
    "{} - cannot log in since 3 pm",
    "the form lost my data ({}), twice in 7 days",
    "Ordered 2 seats, then wrote {}, got no answer!",
)
PLAIN = (
    "The export of {n} rows took {d} seconds on 2026-{m:02}-{day:02}.",
    "Order {n} arrived {m}/{day}/2026, invoice INV-{n} did not.",
    "Version {m}.{day}.{d} loses {m}% of the {n} events at {m:02}:{day:02}.",
    "We pay {n}.{day:02} EUR for {d} seats, {m} x {day}, ratio {m}:{day}.",
    "Error {n} in row {d}, column {m}; ticket #{n} is {day} days old.",
)


def with_detail(seed: int, count: int) -> list[tuple[str, str]]:
    """Texts, each with the detail that must leave it."""
    chance = random.Random(seed)  # noqa: S311 - the same texts every time
    made = []
    for number in range(count):
        detail = _MAKERS[number % len(_MAKERS)](chance)
        made.append((chance.choice(SENTENCES).format(detail), detail))
    return made


def without_detail(seed: int, count: int) -> list[str]:
    """Texts that stay as they are."""
    chance = random.Random(seed)  # noqa: S311 - the same texts every time
    return [
        chance.choice(PLAIN).format(
            n=chance.randrange(1, 10 ** chance.randrange(1, 8)),
            d=chance.randrange(1, 5_000),
            m=chance.randrange(1, 13),
            day=chance.randrange(1, 29),
        )
        for _ in range(count)
    ]


def _email(chance: random.Random) -> str:
    name = chance.choice(("ann", "j.doe", "li_wei", "o'neil", "ann+news", "x"))
    domain = chance.choice(("example.org", "mail.example.co.uk", "a-b.example"))
    return f"{name}{chance.randrange(100)}@{domain}"


def _phone(chance: random.Random) -> str:
    form = chance.choice(
        (
            "+44 20 7### ####",
            "+49 (0)30 ######",
            "+1-415-555-2###",
            "(415) 555-2###",
            "415.555.2###",
            "0033 6 ## ## ## ##",
            "06 ## ## ## ##",
            "+919876######",
            "030/1######",
        )
    )
    return _digits(chance, form)


def _card(chance: random.Random) -> str:
    prefix, length = chance.choice((("4", 16), ("53", 16), ("37", 15), ("6011", 16)))
    digits = prefix + _digits(chance, "#" * (length - len(prefix) - 1))
    digits += next(d for d in "0123456789" if _luhn(digits + d))
    glue = chance.choice(("", " ", "-"))
    return glue.join(digits[at : at + 4] for at in range(0, length, 4))


def _iban(chance: random.Random) -> str:
    country, account = chance.choice(
        (("DE", "#" * 18), ("NL", "INGB" + "#" * 10), ("FR", "#" * 23))
    )
    account = _digits(chance, account)
    number = "".join(str(int(one, 36)) for one in f"{account}{country}00")
    iban = f"{country}{98 - int(number) % 97:02}{account}"
    if chance.random() < 0.5:
        return iban
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


def _ip(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return f"2001:db8::{chance.randrange(1, 65_536):x}:{chance.randrange(9_999)}"
    return ".".join(str(chance.randrange(1, 255)) for _ in range(4))


def _digits(chance: random.Random, form: str) -> str:
    return "".join(str(chance.randrange(10)) if c == "#" else c for c in form)


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (1 + at % 2) for at, d in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


_MAKERS: tuple[Callable[[random.Random], str], ...] = (
    _email,
    _phone,
    _card,
    _iban,
    _ip,
)
