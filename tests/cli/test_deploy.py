"""What `deploy` makes of a Prefect server, in a lab and outside of one."""

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from blocks.settings import PROJECT_ROOT, Settings
from cli import deploy as deploying
from cli.deploy import deploy, missing_blocks
from domain.change import Change
from tasks.doors import BLOCK_TYPES


@pytest.fixture
def no_lab(programme: Settings) -> Settings:
    """The same installation, as if its servers had come from somewhere else."""
    return programme.model_copy(update={"lab_dir": None})


def test_every_block_type_can_be_filled_in_on_the_servers_screen_without_a_lab(no_lab: Settings) -> None:
    assert deploy(no_lab)["blocos"] == Change(unchanged=len(BLOCK_TYPES))
    with get_client(sync_client=True) as client:
        for kind in BLOCK_TYPES:
            assert client.read_block_type_by_slug(kind.get_block_type_slug()).name == kind.get_block_type_name()


def test_the_blocks_that_nobody_has_saved_are_named(no_lab: Settings) -> None:
    assert missing_blocks(no_lab) == ()
    elsewhere = no_lab.model_copy(update={"runtime_block": "implanta-lab-runtime/outro"})
    assert missing_blocks(elsewhere) == ("implanta-lab-runtime/outro",)


def test_a_checkout_that_moved_is_deployed_again(
    programme: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "movido"
    moved.symlink_to(PROJECT_ROOT)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(deploying, "PROJECT_ROOT", moved)
            assert deploy(programme)["deployments"].updated > 0
    finally:
        assert deploy(programme)["deployments"].updated > 0
    assert deploy(programme)["deployments"].updated == 0
