"""The operator's pipeline really proves its backup: the bench's other side is not an empty promise."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.shell_backup import run_shell_cycle
from bench.synthetic import Size, fill
from blocks.object_storage import ObjectStorage
from domain.environment import Purpose
from domain.errors import IntegrityError
from tests.blocks.instance import Databases

BUCKET = "bancada-roteiro"
SMALL = Size(
    processes=10, documents=40, html_bytes=2_000, attachments=30, attachment_bytes=900, users=10, activities=60
)


class Source(NamedTuple):
    databases: Databases
    repository: Path

    def cycle(self, storage: ObjectStorage, night: str) -> dict[str, float]:
        name = self.databases.name
        return run_shell_cycle(
            self.databases.server,
            name.database_sip,
            name.database_sei,
            self.repository,
            storage,
            bucket=BUCKET,
            night=night,
        )


@pytest.fixture(scope="module")
def source(
    make_databases: Callable[[Purpose], Databases], tmp_path_factory: pytest.TempPathFactory, storage: ObjectStorage
) -> Iterator[Source]:
    databases, repository = make_databases(Purpose.TREINAMENTO), tmp_path_factory.mktemp("repositorio")
    name = databases.name
    fill(
        databases.server,
        name.database_sip,
        name.database_sei,
        repository,
        size=SMALL,
        seed=3,
        today=date(2026, 11, 27),
        pen=True,
    )
    storage.ensure_bucket(BUCKET)
    yield Source(databases, repository)
    storage.remove_bucket(BUCKET)


def test_it_times_every_stage_and_leaves_the_night_in_the_bucket(source: Source, storage: ObjectStorage) -> None:
    stages = source.cycle(storage, "primeira")
    assert list(stages) == ["dump", "tar", "upload", "download", "restore", "untar", "check"]
    assert all(0 < seconds < 60 for seconds in stages.values())
    dump, files = (storage.head(BUCKET, f"primeira/{key}") for key in ("banco.sql.zst", "arquivos.tar"))
    assert dump is not None and dump.size > 0
    assert files is not None
    assert files.size > sum(path.stat().st_size for path in source.repository.rglob("*") if path.is_file())


@pytest.mark.parametrize("folder", ["2", "mod-pen"])
def test_a_file_that_changed_fails_the_check_and_nothing_else(
    source: Source, storage: ObjectStorage, folder: str
) -> None:
    path = next(path for path in sorted(source.repository.glob(f"{folder}*/**/*")) if path.is_file())
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    try:
        with pytest.raises(IntegrityError, match="depois de: dump, tar, upload, download, restore, untar") as failure:
            source.cycle(storage, "alterada")
        assert f"{path.relative_to(source.repository)}: FAILED" in str(failure.value)
    finally:
        path.write_bytes(content)


def test_a_file_that_is_missing_fails_the_check(source: Source, storage: ObjectStorage) -> None:
    path = next(path for path in sorted(source.repository.rglob("*")) if path.is_file())
    content = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(IntegrityError, match="No such file"):
            source.cycle(storage, "incompleta")
    finally:
        path.write_bytes(content)


def test_a_storage_that_refuses_ends_it_without_showing_the_key(source: Source, storage: ObjectStorage) -> None:
    wrong = storage.model_copy(update={"access_key": "chave-que-ninguem-tem"})
    with pytest.raises(IntegrityError, match="depois de: dump, tar ") as failure:
        source.cycle(wrong, "recusada")
    assert "403" in str(failure.value)
    assert storage.secret_key.get_secret_value() not in str(failure.value)
