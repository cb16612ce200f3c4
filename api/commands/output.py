"""What a command says: text and progress for people, one JSON object for scripts."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from core.problems import Problem

_T = TypeVar("_T")

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, for scripts.")
]


class Exit(IntEnum):
    """What the exit code of every command means."""

    DONE = 0
    FAILED = 1
    """Something went wrong that is no answer: a bug, or a broken installation."""
    USAGE = 2
    """The command line, a mapping or a file is not as it must be."""
    REFUSED = 3
    """Hone understood and refused: not found, taken, not allowed."""
    UNREACHABLE = 4
    """A store or a server did not answer, after retries."""
    PARTIAL = 5
    """All was sent, and some of it was rejected; the report says what."""


class CommandFailed(Exception):
    """Ends the command with an exit code and one message."""

    def __init__(self, exit_code: Exit, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code or exit_code.name


class Bar:
    """One progress bar; silent where nobody watches."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, by: int = 1) -> None:
        """Move on."""
        self._progress.advance(self._task, by)

    def at(self, done: int, *, total: int | None = None) -> None:
        """Move to a place."""
        self._progress.update(self._task, completed=done, total=total)


class Output:
    """Text goes to people; with `--json` only the final object is printed."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._out = Console(highlight=False, soft_wrap=True)
        self._error = Console(stderr=True, highlight=False, soft_wrap=True)

    def line(self, text: str = "") -> None:
        """Say something to a person."""
        if not self._json:
            self._out.print(text, markup=False)

    def finish(self, report: dict[str, Any]) -> None:
        """Hand a script its result."""
        if self._json:
            self._write(report)

    def fail(self, failure: CommandFailed, *, said: bool = False) -> NoReturn:
        """Say why, and leave with the failure's code; `said` keeps a report alone."""
        if self._json and not said:
            self._write({"error": {"code": failure.code, "message": str(failure)}})
        self._error.print(f"hone: {failure}", style="bold red", markup=False)
        raise typer.Exit(failure.exit_code)

    @contextmanager
    def progress(self, description: str, total: int | None) -> Iterator[Bar]:
        """A bar for the length of the block."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._error, disable=self._json) as progress:
            yield Bar(progress, progress.add_task(description, total=total))

    def _write(self, document: dict[str, Any]) -> None:
        text = json.dumps(document, ensure_ascii=False, default=str)
        self._out.out(text, highlight=False)


def run(output: Output, work: Coroutine[Any, Any, _T]) -> _T:
    """Run a command to its end; refusals and broken stores become exit codes."""
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(work)
    except CommandFailed as failure:
        output.fail(failure)
    except Problem as problem:
        output.fail(CommandFailed(Exit.REFUSED, problem.message, code=problem.code))
    except Exception as error:
        if not _is_unanswered(error):
            raise
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        output.fail(CommandFailed(Exit.UNREACHABLE, message))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The quicker event loop, where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _is_unanswered(error: Exception) -> bool:
    """Whether a store or a server is away, rather than a bug at work."""
    import httpx
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, SQLAlchemyError | OSError | httpx.TransportError)
