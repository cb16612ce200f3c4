"""Load by wrk from a core of its own, weighed by the CPU time that the server used."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

CONNECTIONS = 16
SUBJECTS = 2_000


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of request. `%s` in path or body is another subject each time.

    Of 2,000 subjects each comes again, in the same bytes, as visitors do with every
    page; with `fresh` none ever does.
    """

    name: str
    url: str
    process: int
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False

    def named(self, name: str) -> "Target":
        """The same under another name."""
        return replace(self, name=name)


@dataclass(frozen=True, slots=True)
class Shot:
    """What one round came to."""

    requests: int
    cpu_seconds: float
    p99_milliseconds: float
    failed: int

    @property
    def rate(self) -> float:
        """Requests per second of the server's CPU."""
        return self.requests / max(self.cpu_seconds, 0.01)


def cpu_seconds(process: int) -> float:
    """User and system time of a process and of its children that have ended."""
    text = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(each) for each in text[11:13]) / os.sysconf("SC_CLK_TCK")


def fire(
    target: Target,
    seconds: int,
    *,
    connections: int = CONNECTIONS,
    core: str = "1",
    pause_milliseconds: float = 0.0,
) -> Shot:
    """Ask for a while, and count; each connection pauses about so long between."""
    host, _, path = target.url.removeprefix("http://").partition("/")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "ask.lua"
        script.write_text(_script(target, f"/{path}", pause_milliseconds))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
        command += ["-s", str(script), f"http://{host}"]
        if core:
            command = ["taskset", "-c", core, *command]
        before = cpu_seconds(target.process)
        said = subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout
        used = cpu_seconds(target.process) - before
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Shot(
        requests=int(_found(r"(\d+) requests in", said)),
        cpu_seconds=used,
        p99_milliseconds=_milliseconds(_found(r" 99%\s+([\d.]+\w+)", said)),
        failed=int(failed.group(1)) if failed else 0,
    )


def _script(target: Target, path: str, pause: float) -> str:
    headers = "\n".join(
        f"wrk.headers[ {_lua(name)} ] = {_lua(value)}"
        for name, value in target.headers.items()
    )
    # wrk waits whole milliseconds: a uniform draw whose mean is the pause.
    delay = f"function delay() return math.random(0, {round(2 * pause)}) end"
    return f"""
wrk.method = {_lua(target.method)}
{headers}
local path, body = {_lua(path)}, {_lua(target.body)}
local requests = {{}}
local salt = "fresh-" .. {_lua(uuid4().hex)} .. "-"
local number = 0
function init(args)
  for i = 1, {SUBJECTS} do
    local id = "user-" .. i
    local asked = string.gsub(body, "%%s", id)
    if asked == "" then asked = nil end
    requests[i] = wrk.format(nil, string.gsub(path, "%%s", id), nil, asked)
  end
end
function request()
  number = number + 1
  if {"true" if target.fresh else "false"} then
    local id = salt .. number
    return wrk.format(nil, path, nil, (string.gsub(body, "%%s", id)))
  end
  return requests[number % {SUBJECTS} + 1]
end
{delay if pause else ""}
"""


def _lua(text: str) -> str:
    return "[==[" + text + "]==]"


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"no {pattern!r} in what wrk said:\n{text}")
    return match.group(1)


def _milliseconds(text: str) -> float:
    number, unit = float(text.rstrip("mus")), text.lstrip("0123456789.")
    return number * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]
