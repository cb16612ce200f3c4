"""A server that is told to stop says nothing but that."""

from pathlib import Path

from tests.processes import Installation


def test_a_server_that_stops_leaves_nothing_behind_for_duckdb_to_complain_of(
    tmp_path: Path,
) -> None:
    installation = Installation({"HONE_DATA_DIR": str(tmp_path / "data")})
    try:
        server, url = installation.serve()
        assert (tmp_path / "data" / "address").read_text() == url
        assert server.stop() == 0
    finally:
        installation.close()
    assert not [line for line in server.lines if "leaked" in line]
