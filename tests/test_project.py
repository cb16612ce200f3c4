"""What holds for the whole tree: settings, locks, sizes and what is never committed."""

import ast
import json
import math
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from core.settings import Settings

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-node.lock")
MAX_LINES = 350
MAX_TEST_LINES = 500


def tracked(*patterns: str) -> list[Path]:
    """The files that git keeps."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [ROOT / name for name in names.split("\0") if name]


def variable(name: str) -> str:
    """The environment variable that sets a field."""
    alias = Settings.model_fields[name].validation_alias
    if alias is None:
        return f"HONE_{name.upper()}"
    return str(getattr(alias, "choices", [alias])[0])


def undocumented(text: str) -> list[str]:
    names = [variable(name) for name in Settings.model_fields]
    return [name for name in names if f"`{name}`" not in text]


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    assert undocumented(text) == []
    assert all(field.description for field in Settings.model_fields.values())


def test_an_undocumented_setting_is_seen() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    assert undocumented(text.replace("`HONE_PORT`", "")) == ["HONE_PORT"]
    assert "DATABASE_URL" in undocumented("")


def test_every_locked_package_has_its_hashes_and_no_address() -> None:
    for lock in LOCKS:
        lines = (ROOT / lock).read_text().splitlines()
        names = [n for n, line in enumerate(lines) if re.match(r"[a-z0-9-]+==", line)]
        assert names, lock
        assert all("--hash=sha256:" in lines[number + 1] for number in names), lock
        options = [line for line in lines if line.lstrip().startswith("-")]
        assert all(line.lstrip().startswith("--hash=sha256:") for line in options)
        assert "://" not in "".join(lines), lock


def test_what_running_needs_is_locked_as_testing_needs_it() -> None:
    running, testing = (pins(ROOT / lock) for lock in LOCKS[:2])
    assert running < testing


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"(?m)^[a-z0-9-]+==[^\\\n]+", lock.read_text()))


def test_the_browser_libraries_are_pinned_without_addresses() -> None:
    lock = json.loads((ROOT / "api/console/package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert len(packages) > 50
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)


def test_nothing_that_was_installed_is_committed() -> None:
    paths = {path.relative_to(ROOT).as_posix() for path in tracked()}
    installed = re.compile(r"(^|/)(node_modules|vendor|\.venv|\.hone|__pycache__)/")
    assert not [path for path in paths if installed.search(path)]


def modules() -> Iterator[tuple[Path, str]]:
    for path in tracked("*.py"):
        if path.exists():
            yield path, path.read_text()


def test_every_module_opens_with_one_line() -> None:
    for path, text in modules():
        if text.strip() and "/migrations/versions/" not in path.as_posix():
            opening = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
            assert opening, path
            assert len(opening.splitlines()) == 1, path


def test_no_module_is_too_long() -> None:
    lengths = {path: text.count("\n") for path, text in modules()}
    limits = {path: limit(path) for path in lengths}
    assert [path for path, length in lengths.items() if length > limits[path]] == []


def limit(path: Path) -> float:
    if path.is_relative_to(ROOT / "migrations" / "versions"):
        return math.inf
    return MAX_TEST_LINES if path.is_relative_to(ROOT / "tests") else MAX_LINES


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"#.*\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    assert [path for path, text in modules() if marks.search(text)] == []


def test_every_public_task_of_make_says_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"(?m)^\.PHONY: (.*)$", text)
    assert phony is not None
    described = set(re.findall(r"(?m)^([a-z-]+):.* ## \S", text))
    assert described == set(phony[1].split())
