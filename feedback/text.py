"""Words and phrases in free text, with their places in it."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MAX_BODY = 20_000

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is compared, and where it stands in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, end excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text's words in order, and where each distinct one stands."""

    words: tuple[Word, ...]
    places: Mapping[str, Sequence[int]]
    vocabulary: Sequence[str]
    """The distinct words, sorted."""

    def occurrences(self, phrase: str) -> Iterator[Span]:
        """Where a phrase stands; a `*` at a word's end stands for any ending."""
        wanted = pattern(phrase)
        for first in self._beginnings(wanted[0]) if wanted else ():
            found = self.words[first : first + len(wanted)]
            if len(found) == len(wanted) and all(map(_fits, wanted, found)):
                yield Span(found[0].start, found[-1].end)

    def _beginnings(self, wanted: str) -> Sequence[int]:
        if not wanted.endswith("*"):
            return self.places.get(wanted, ())
        beginning = wanted[:-1]
        places: list[int] = []
        for word in self.vocabulary[bisect_left(self.vocabulary, beginning) :]:
            if not word.startswith(beginning):
                break
            places += self.places[word]
        return sorted(places)


def read(text: str) -> Text:
    """The words of a text, without case, accents or typographic apostrophes."""
    words = tuple(
        Word(_folded(match.group()), match.start(), match.end())
        for match in _WORD.finditer(text)
    )
    places: dict[str, list[int]] = {}
    for position, word in enumerate(words):
        places.setdefault(word.text, []).append(position)
    return Text(words, places, sorted(places))


def pattern(phrase: str) -> tuple[str, ...]:
    """The words of a phrase, each with its `*` if it has one."""
    return tuple(
        _folded(match.group()) + ("*" if phrase[match.end() :].startswith("*") else "")
        for match in _WORD.finditer(phrase)
    )


def is_readable(text: str) -> bool:
    """Whether every character can be stored and shown."""
    return not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


def _fits(wanted: str, word: Word) -> bool:
    if wanted.endswith("*"):
        return word.text.startswith(wanted[:-1])
    return word.text == wanted


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.replace("\u2019", "'").casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))
