"""Kept files: whole and of this format, or as good as absent."""

import logging
import multiprocessing
import os
import stat
import time
from pathlib import Path

import pytest

from core.kept_file import ABANDONED_SECONDS, KeptFile, sweep


@pytest.fixture
def file(tmp_path: Path) -> KeptFile:
    return KeptFile(tmp_path / "deep" / "one.json", "definitions", "1")


def test_what_was_written_is_read_by_its_owner_alone(file: KeptFile) -> None:
    assert file.read() is None
    assert file.write(b'{"a":\n1}')
    kept = file.read()
    assert kept is not None
    assert kept.content == b'{"a":\n1}'
    assert 0 <= kept.age_seconds < 60
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def test_the_same_content_is_written_once_unless_to_renew_it(file: KeptFile) -> None:
    file.write(b"x")
    before = file.path.stat().st_ino
    assert not file.write(b"x")
    assert file.path.stat().st_ino == before
    assert file.write(b"x", again=True)
    assert file.path.stat().st_ino != before


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"{}",
        b"\x00\xff\n",
        b"[1]\nx",
        b'{"hone":"definitions","format":"1","sha256":"00","written_at":1}\nx',
        b'{"hone":"keys","format":"1","sha256":"00","written_at":1}\nx',
        b'{"hone":"definitions","format":"1","sha256":1,"written_at":"\xe9"}\nx',
    ],
)
def test_a_torn_or_foreign_file_is_ignored_and_replaced(
    file: KeptFile, spoilt: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file.write(b"good")
    file.path.write_bytes(spoilt)
    with caplog.at_level(logging.WARNING):
        assert file.read() is None
    assert "kept_file_ignored: one.json" in caplog.text
    assert file.write(b"good")
    assert file.read() is not None


@pytest.mark.parametrize("cut", range(0, 140, 7))
def test_a_file_that_ends_early_is_ignored(file: KeptFile, cut: int) -> None:
    file.write(b"x" * 20)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:cut])
    assert len(whole) > 140
    assert file.read() is None


def test_another_format_is_ignored(file: KeptFile) -> None:
    file.write(b"x")
    assert KeptFile(file.path, "definitions", "2").read() is None


def test_a_failed_write_leaves_the_last_one(
    file: KeptFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.write(b"new")
    kept = file.read()
    assert kept is not None
    assert kept.content == b"old"
    assert [each.name for each in file.path.parent.iterdir()] == ["one.json"]


def _write_often(path: Path, letter: bytes) -> None:
    file = KeptFile(path, "definitions", "1")
    for length in range(1, 40):
        file.write(letter * 1000 * length)


def test_processes_that_write_at_once_leave_a_whole_file(file: KeptFile) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_write_often, args=(file.path, letter))
        for letter in (b"a", b"b")
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        kept = file.read()
        assert kept is None or len(set(kept.content)) == 1
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert file.read() is not None


def test_what_a_killed_writer_left_is_swept_and_nothing_else(file: KeptFile) -> None:
    folder = file.path.parent
    sweep(folder)
    file.write(b"x")
    long_ago = time.time() - 2 * ABANDONED_SECONDS
    for name in ("killed.new", "writing.new"):
        (folder / name).write_bytes(b"half")
    for name in ("killed.new", "one.json"):
        os.utime(folder / name, (long_ago, long_ago))
    sweep(folder)
    assert sorted(each.name for each in folder.iterdir()) == ["one.json", "writing.new"]
