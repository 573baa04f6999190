"""The directory of SEI's files: private to the application's user, measured as it is."""

import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks import file_repository
from blocks.rehearsal import rehearsing
from blocks.runtime import LabRuntime
from domain.change import Change
from domain.errors import RetryableError
from domain.quota import RepositoryUsage
from tests.blocks.conftest import ENVIRONMENT


@pytest.fixture
def runtime(tmp_path: Path) -> LabRuntime:
    return LabRuntime(apps_dir=tmp_path / "apps", files_dir=tmp_path / "files", port=1, token=SecretStr("senha"))


@pytest.fixture
def root(runtime: LabRuntime) -> Path:
    runtime.ensure_repository(ENVIRONMENT)
    return Path(runtime.repository_path(ENVIRONMENT))


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_directory_is_made_private_whatever_the_umask(runtime: LabRuntime, umask: int) -> None:
    root = Path(runtime.repository_path(ENVIRONMENT))
    made = Change(created=1, details=(f"repositório de arquivos {ENVIRONMENT.slug}",))
    before = os.umask(umask)
    try:
        with rehearsing():
            assert runtime.ensure_repository(ENVIRONMENT) == made
        assert not root.parent.exists()
        assert runtime.ensure_repository(ENVIRONMENT) == made
    finally:
        os.umask(before)
    assert mode(root) == "750"
    assert runtime.ensure_repository(ENVIRONMENT) == Change(unchanged=1)


def test_permissions_opened_by_hand_are_named_and_closed(runtime: LabRuntime, root: Path) -> None:
    root.chmod(0o777)
    mended = Change(updated=1, details=(f"permissões do repositório de arquivos {ENVIRONMENT.slug}: 777 → 750",))
    with rehearsing():
        assert runtime.ensure_repository(ENVIRONMENT) == mended
    assert mode(root) == "777"
    assert runtime.ensure_repository(ENVIRONMENT) == mended
    assert mode(root) == "750"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_owner_is_named_and_put_right(runtime: LabRuntime, root: Path) -> None:
    os.chown(root, 1, -1)
    mended = Change(updated=1, details=(f"dono do repositório de arquivos {ENVIRONMENT.slug}: mudou",))
    with rehearsing():
        assert runtime.ensure_repository(ENVIRONMENT) == mended
    assert root.stat().st_uid == 1
    assert runtime.ensure_repository(ENVIRONMENT) == mended
    assert root.stat().st_uid == os.geteuid()


def test_a_place_that_is_taken_is_told(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("um arquivo no lugar do diretório")
    with pytest.raises(RetryableError, match=rf"preparar o repositório de arquivos .*{tmp_path}/files/a"):
        file_repository.ensure_directory(tmp_path / "files" / "a")


def test_usage_counts_every_file_at_any_depth_and_nothing_else(runtime: LabRuntime, root: Path) -> None:
    assert runtime.repository_usage(ENVIRONMENT) == RepositoryUsage(bytes=0, files=0)
    for number, size in enumerate((0, 1, 5_000)):
        folder = root / "2026" / f"{number:02d}"
        folder.mkdir(parents=True)
        (folder / str(number)).write_bytes(bytes(size))
    outside = root.parent / "outro"
    outside.write_bytes(bytes(9_999))
    (root / "atalho").symlink_to(outside)
    usage = runtime.repository_usage(ENVIRONMENT)
    assert usage.files == 4
    assert usage.bytes == 5_001 + (root / "atalho").lstat().st_size, "a link weighs what it is, not what it points at"


def test_a_repository_that_is_not_there_holds_nothing(runtime: LabRuntime) -> None:
    assert runtime.repository_usage(ENVIRONMENT) == RepositoryUsage(bytes=0, files=0)
