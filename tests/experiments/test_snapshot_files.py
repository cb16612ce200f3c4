"""The last snapshot of an environment on disk, and a start from it."""

import logging
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.database import Database, Sessions, Unreachable
from core.reach import Reach
from experiments.assignment.definitions import (
    HoldoutDefinition,
    LayerSlots,
    LinkChange,
    PhaseDefinition,
    Prerequisite,
    Serving,
    Snapshot,
    VariantDefinition,
)
from experiments.design import UnitKind
from experiments.service import snapshot_files
from experiments.service.definitions import Definitions, Silence
from experiments.service.publishing import touch_definitions
from experiments.service.snapshot_files import SnapshotFiles
from tests.experiments.company import Company

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def defined(value: object, key: str = "one") -> PhaseDefinition:
    """A phase with everything in it."""
    return PhaseDefinition(
        experiment_id=uuid4(),
        experiment_key=key,
        treatment="FEATURE",
        phase_id=uuid4(),
        number=1,
        version=3,
        unit=UnitKind.USER,
        seed="0123456789abcdef",
        coverage=0.1 + 0.2,
        condition={"plan": "pro"},
        variants=(
            VariantDefinition("a", 1 / 3, True, {"value": value}, value),
            VariantDefinition("b", 2 / 3, False, {}, None),
        ),
        serving=Serving.SPLIT,
        layer=LayerSlots("layer", "seed", ((0.0, 0.1), (0.7, 1.0))),
        holdouts=(HoldoutDefinition("global", "seed", 0.05),),
        prerequisites=(Prerequisite("other", frozenset({"x", "y"})),),
        overrides={"id": {"ada": "b"}},
        sticky={"anonymousId": {"cookie": "a"}},
    )


@given(JSON)
async def test_a_snapshot_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    snapshot = Snapshot.of(7, (defined(value), defined(None, "other")))
    environment_id = uuid4()
    keeper = SnapshotFiles(folder)
    keeper.keep(environment_id, snapshot)
    await keeper.close()
    kept = await SnapshotFiles(folder).kept(environment_id)
    assert kept is not None
    assert kept.snapshot.version == 7
    assert {key: phase.definition for key, phase in kept.snapshot.phases.items()} == {
        key: phase.definition for key, phase in snapshot.phases.items()
    }


async def test_only_what_changed_is_written(tmp_path: Path) -> None:
    keeper, environment_id = SnapshotFiles(tmp_path), uuid4()
    path = tmp_path / f"{environment_id}.json"
    first = Snapshot.of(1, (defined(1),))
    for snapshot in (first, first, Snapshot.of(2, (defined(2),))):
        keeper.keep(environment_id, snapshot)
    await keeper.close()
    kept = await keeper.kept(environment_id)
    assert kept is not None
    assert kept.snapshot.version == 2
    before = path.stat().st_ino
    keeper.keep(environment_id, first)
    await keeper.close()
    second = path.stat().st_ino
    keeper.keep(environment_id, first)
    await keeper.close()
    assert before != second == path.stat().st_ino


async def test_links_that_moved_are_written_in_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, environment_id = SnapshotFiles(tmp_path), uuid4()
    definition = defined(1)
    snapshot = Snapshot.of(1, (definition,))
    phase_id = definition.phase_id

    async def read() -> Snapshot:
        keeper.keep(environment_id, snapshot)
        await keeper.close()
        kept = await keeper.kept(environment_id)
        assert kept is not None
        return kept.snapshot

    assert (await read()).links.revision == 0
    changes = [
        LinkChange(phase_id, "id", "ada", "b"),
        LinkChange(phase_id, "anonymousId", "cookie", None),
    ]
    snapshot.links.take(changes, 2)
    assert (await read()).links.revision == 0
    monkeypatch.setattr(snapshot_files, "LINKS_SECONDS", 0.0)
    later = await read()
    assert later.links.revision == 2
    kept = {name: set(by_text) for name, by_text in later.phases["one"].linked.items()}
    assert {name: texts for name, texts in kept.items() if texts} == {"id": {"ada"}}


async def test_what_cannot_be_compiled_is_as_good_as_absent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper, environment_id = SnapshotFiles(tmp_path), uuid4()
    keeper._file(environment_id).write(b'{"version": 1, "phases": [{}]}')
    with caplog.at_level(logging.WARNING):
        assert await keeper.kept(environment_id) is None
    assert "kept_definitions_ignored" in caplog.text


async def test_a_full_disk_stops_no_serving(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    keeper = SnapshotFiles(blocked / "definitions")
    with caplog.at_level(logging.WARNING):
        keeper.keep(uuid4(), Snapshot.of(1, (defined(1),)))
        await keeper.close()
    assert "definitions_not_kept" in caplog.text


@pytest.mark.stores
async def test_a_process_starts_without_the_database_and_catches_up(
    database: Database, sessions: Sessions, company: Company, tmp_path: Path
) -> None:
    here = company.environment_id
    async with sessions.begin() as session:
        await touch_definitions(session, here)
    keeper = SnapshotFiles(tmp_path)
    before = Definitions(database.readers)
    before.connect(Silence(), keeper)
    assert (await before.snapshot(here)).version == 1
    await keeper.close()
    reach = Reach()
    reach.lost()
    after = Definitions(database.readers, reach=reach)
    after.connect(Silence(), SnapshotFiles(tmp_path))
    kept = await after.snapshot(here)
    assert kept.version == 1
    with pytest.raises(Unreachable):
        await after.snapshot(company.project_id)
    assert await after.catch_up() == 1
    assert after.held(here) is not kept
    assert await after.catch_up() == 0
