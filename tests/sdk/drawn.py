"""Conditions, payloads and contexts at random, with whatever JSON may hold in them."""

from random import Random
from typing import Any

KEYS = ("f0", "f1", "f2", "f3")
NAMES = ("a", "b", "c", "id", "a.x", "a.0", "c.length", "a.x.y", "missing", "")
SCALARS = (
    *(None, True, False, 0, 1, -1, 2, 10, 3.5, -0.0, 1e21, 1e-7, 2**53),
    *("", "a", "b", "A", "1", "0", "10", "1.0", " 1 ", "0x10", "1e3", "true", "null"),
    *("undefined", "NaN", "Infinity", "Zoë", "😀", "種", "-1", "1.2.3", "1.2.3-rc.1"),
    *("v1.2.3", "1.2.3+build", "1.10.0", "[object Object]", "1,2", "constructor"),
)
VERSIONS = (
    *("1.2.3", "1.2.3-rc.1", "v1.2.3", "1.10.0", "1.9.0", "1.2", "2", "10.0.0", ""),
    *("a.b.c", "1.2.3+build", "1.2.3.4", "0", 1, 1.5, None, [1], True, " 1.0.0"),
)
PATTERNS = (
    *("^a", "a$", "^(a+)+$", "[0-9]+", r"\d", r"\.", "a|b", "(", "[", "*", "^$", ""),
    *(r"1\.2", "Zo.", "^.$", r"\w+", "😀", "null", "object"),
)
GROUPS: dict[str, Any] = {
    "mixed": ["a", "b", 1, "1"],
    "empty": [],
    "typed": {"type": "list", "attributeKey": "a", "values": ["a", 1]},
    "named": {"type": "condition", "condition": {"a": "a"}},
    "circle": {"type": "condition", "condition": {"$savedGroup": {"id": "circle"}}},
    "broken": "a",
    "odd": [None, True, [1]],
}
OPERATORS = (
    *("$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$exists", "$in", "$nin", "$ini"),
    *("$nini", "$all", "$alli", "$inGroup", "$notInGroup", "$size", "$elemMatch"),
    *("$not", "$type", "$regex", "$regexi"),
    *("$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte"),
)
LISTS = {"$in", "$nin", "$ini", "$nini", "$all", "$alli"}
TYPES = ("string", "number", "boolean", "array", "object", "null", "undefined", 1)
IDS = ("u1", "u2", "Zoë", "😀", "種x", "", 0, 1, 7, 1.5, 1e21, None, "0", -3, "  ")
URLS = ("", "http://e.com/x?e1=1", "http://e.com/?e2=0&e1=7", "http://e.com/?e1=01")


class Drawn(Random):
    """Draws by a seed."""

    def sometimes(self, share: float, into: dict[str, Any], **given: Any) -> None:
        """Add a drawn choice to an object, or leave it out."""
        for name, choices in given.items():
            if self.random() < share:
                into[name] = self.choice(choices)

    def value(self, depth: int = 2) -> Any:
        """A scalar, or a list or an object of such."""
        kind = self.random() if depth else 1.0
        if kind < 0.22:
            return [self.value(depth - 1) for _ in range(self.choice([0, 1, 1, 2, 3]))]
        if kind < 0.32:
            names = ["x", "y", "a", "0", "1", "length", "$eq", "10"]
            picked = self.sample(names, self.randrange(3))
            return {name: self.value(depth - 1) for name in picked}
        return self.choice(SCALARS)

    def operators(self, depth: int) -> dict[str, Any]:
        """One or two comparisons of one attribute."""
        picked = self.sample(OPERATORS, self.choice([1, 1, 1, 2]))
        return {symbol: self._operand(symbol, depth) for symbol in picked}

    def condition(self, depth: int = 3) -> dict[str, Any]:
        """Attributes, joints and saved groups."""
        found: dict[str, Any] = {}
        for _ in range(self.choice([1, 1, 1, 2])):
            kind = self.random()
            if depth and kind < 0.25:
                joint = self.choice(["$or", "$nor", "$and"])
                parts = range(self.randrange(4))
                found[joint] = [self.condition(depth - 1) for _ in parts]
            elif depth and kind < 0.35:
                found["$not"] = self.condition(depth - 1)
            elif kind < 0.38:
                found["$savedGroup"] = {"id": self.choice([*GROUPS, "none"])}
            else:
                found[self.choice(NAMES)] = self._either(depth - 1)
        return found

    def attributes(self) -> dict[str, Any]:
        """What a condition is asked about."""
        names = self.sample(["a", "b", "c", "id"], self.randrange(5))
        return {name: self.value(3) for name in names}

    def features(self) -> dict[str, Any]:
        """Features that name each other."""
        return {
            key: {
                "defaultValue": self.value(1),
                "rules": [self._rule() for _ in range(self.randrange(4))],
            }
            for key in KEYS
        }

    def context(self) -> dict[str, Any]:
        """A subject, where it is, what is forced on it and what it has kept."""
        attributes = {name: self.choice(IDS) for name in ("id", "a", "b")}
        context: dict[str, Any] = {"attributes": attributes}
        forced = [{key: at} for key in ("e1", "f0") for at in (0, 1, 9, -1)]
        self.sometimes(0.2, context, qaMode=[True], url=URLS, forcedVariations=forced)
        return context

    def _either(self, depth: int) -> Any:
        if depth > 0 and self.random() < 0.7:
            return self.operators(depth)
        return self.value()

    def _operand(self, symbol: str, depth: int) -> Any:
        if symbol.startswith("$v"):
            return self.choice(VERSIONS)
        if symbol in LISTS and self.random() < 0.9:
            return [self.value(1) for _ in range(self.randrange(4))]
        if symbol in {"$inGroup", "$notInGroup"}:
            return self.choice([*GROUPS, "none", 1, None])
        if symbol == "$elemMatch":
            deeper = depth > 0 and self.random() < 0.6
            return self.operators(depth - 1) if deeper else {"x": 1}
        plain = {
            "$regex": PATTERNS,
            "$regexi": PATTERNS,
            "$size": (0, 1, 2, "1", True, None, 1.0),
            "$type": TYPES,
        }.get(symbol)
        if plain is not None:
            return self.choice(plain)
        return self._either(depth - 1) if symbol == "$not" else self.value()

    def _range(self) -> list[float]:
        return sorted(self.choice([0, 0.2, 0.5, 0.7, 1, self.random()]) for _ in "ab")

    def _rule(self) -> dict[str, Any]:
        rule: dict[str, Any] = {}
        kind = self.random()
        if kind < 0.4:
            rule["force"] = self.value(1)
            self.sometimes(0.25, rule, range=[self._range()])
        elif kind < 0.9:
            self._randomise(rule, self.choice([1, 2, 2, 2, 3, 3]))
        shares = [0, 0.1, 0.25, 0.5, 0.9, 1, 1.5, -0.2]
        attributes = ["a", "b", "id", ""]
        self.sometimes(0.3, rule, coverage=shares, seed=["s1", "", "種"])
        self.sometimes(0.4, rule, hashVersion=[1, 2, 2, 3, 0, None])
        self.sometimes(0.3, rule, hashAttribute=attributes, id=["r1", "r2", ""])
        self.sometimes(0.15, rule, condition=[self.condition(1)])
        self.sometimes(0.15, rule, parentConditions=[[self._parent()]])
        self.sometimes(0.2, rule, filters=[[self._filter()], []])
        if "hashAttribute" in rule:
            # Without one the SDK for JavaScript reads what `id` has kept.
            self.sometimes(1, rule, fallbackAttribute=["a", "b", "id"])
        return rule

    def _randomise(self, rule: dict[str, Any], arms: int) -> None:
        rule["variations"] = [self.value(1) for _ in range(arms)]
        # Where one has no key, the SDK for JavaScript may fail at it.
        rule["meta"] = [{"key": self.choice("AB0") + str(n)} for n in range(arms)]
        for each in rule["meta"]:
            self.sometimes(0.15, each, passthrough=[True], name=["nm"])
        weights = [[0.5, 0.5], [0.2, 0.8], [0.2, 0.3, 0.5], [1, 1], [0.5, 0.495]]
        self.sometimes(0.4, rule, key=["e1", "e2", ""], weights=weights)
        self.sometimes(0.2, rule, namespace=[["n1", *self._range()]])
        self.sometimes(0.2, rule, ranges=[[self._range() for _ in range(arms)]])
        self.sometimes(0.2, rule, bucketVersion=[0, 1, 2], minBucketVersion=[0, 1, 2])
        self.sometimes(0.1, rule, disableStickyBucketing=[True], phase=["1"])

    def _parent(self) -> dict[str, Any]:
        feature = self.choice([*KEYS, "nope"])
        parent = {"id": feature, "condition": {"value": self._either(1)}}
        self.sometimes(0.4, parent, gate=[True, False])
        return parent

    def _filter(self) -> dict[str, Any]:
        found = {
            "seed": "s1",
            "ranges": [self._range() for _ in range(self.randrange(3))],
        }
        self.sometimes(0.4, found, attribute=["id", "a"], hashVersion=[1, 2, 3])
        return found
