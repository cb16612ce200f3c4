"""hone import: a finished experiment from a CSV file, by a mapping."""

import asyncio
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from api.commands.output import AsJson, CommandFailed, Exit, Output, run
from api.imports import rows, sending
from api.imports.client import Client, RequestRefused, Unreachable
from api.imports.mapping import Mapping, MappingWrong, load
from core.settings import Settings

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True, repr=False)
class Job:
    """One import: where to, what, and how long to wait for its result."""

    url: str
    key: str
    file: Path
    mapping: Mapping
    found: rows.Overview
    wait: int


def import_csv(
    file: Annotated[Path, typer.Argument(help="A CSV file, one row a unit.")],
    mapping: Annotated[Path, typer.Option(help="What its columns mean (TOML).")],
    url: Annotated[
        str, typer.Option(help="A running Hone; else this machine's own.")
    ] = "",
    key: Annotated[
        str, typer.Option(envvar="HONE_KEY", help="A server key with role EDITOR.")
    ] = "",
    *,
    wait: Annotated[
        int, typer.Option(help="Seconds to wait for the result; 0 leaves at once.")
    ] = 120,
    as_json: AsJson = False,
) -> None:
    """Send a finished experiment through the public interface.

    Running it again changes nothing; a killed run is resumed by running it again.
    """
    output = Output(as_json=as_json)
    read, found = _read(output, file, mapping)
    address = url or Settings().console_url
    report = run(output, _import(output, Job(address, key, file, read, found, wait)))
    if report["rejected"]:
        message = f"{report['rejected']} events were rejected; nothing was finished."
        output.finish(report)
        output.fail(CommandFailed(Exit.PARTIAL, message), said=True)
    output.line(
        f"{report['units']:,} units, {report['accepted']:,} events new and "
        f"{report['duplicates']:,} known, in {report['seconds']:.1f} s"
    )
    if report["result"] is not None:
        output.line(report["result"]["headline"])
    output.finish(report)


def _read(output: Output, file: Path, mapping: Path) -> tuple[Mapping, rows.Overview]:
    """Check the whole table before anything is sent."""
    try:
        read = load(mapping)
        return read, rows.overview(file, read)
    except MappingWrong as error:
        output.fail(CommandFailed(Exit.USAGE, f"{mapping}: {error}", code="MAPPING"))
    except (rows.RowWrong, UnicodeDecodeError) as error:
        output.fail(CommandFailed(Exit.USAGE, f"{file}: {error}", code="TABLE"))
    except OSError as error:
        output.fail(CommandFailed(Exit.USAGE, str(error), code="FILE"))


async def _import(output: Output, job: Job) -> dict[str, Any]:
    began = time.monotonic()
    result = None
    batch_id = f"import-{job.found.digest[:32]}"
    try:
        async with Client(job.url, job.key) as client:
            await sending.define(client, job.mapping, job.found)
            with output.progress("sending events", job.found.events) as bar:
                counts = await sending.send(
                    client,
                    rows.batches(
                        rows.read(job.file, job.mapping), job.mapping, sending.BATCH
                    ),
                    batch_id=batch_id,
                    advance=bar.advance,
                )
            if not counts.rejected:
                await sending.finish(client, job.mapping, job.found)
                with output.progress("waiting for the analysis", None):
                    result = await _result(client, job)
    except Unreachable as error:
        raise CommandFailed(Exit.UNREACHABLE, str(error)) from error
    except RequestRefused as error:
        raise CommandFailed(Exit.REFUSED, str(error), code=error.code) from error
    return {
        "experiment": job.mapping.experiment.key,
        "units": job.found.units,
        "byArm": job.found.by_arm,
        **asdict(counts),
        "result": result,
        "seconds": round(time.monotonic() - began, 3),
    }


async def _result(client: Client, job: Job) -> dict[str, Any] | None:
    """What came of it, or None if that takes longer than the job's patience."""
    deadline = time.monotonic() + job.wait
    while time.monotonic() < deadline:
        found = await sending.result(client, job.mapping.experiment.key)
        if found is not None:
            return found
        await asyncio.sleep(POLL_SECONDS)
    return None
