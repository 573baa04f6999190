"""Implanta loses its registry and its Prefect, and comes back from its own backup as if nothing had been."""

import subprocess
from pathlib import Path

import pytest
from pymysql import connect

from blocks.settings import PROJECT_ROOT
from lab.layout import Layout
from lab.state import load_state
from registry import Registry
from registry.engine import parse_url
from tests.cli.examples import example_of
from tests.operator import operator_environment
from tests.slow.test_lost_prefect import (
    SLUG,
    WAITING,
    WORKER_SECONDS,
    brought_to_the_gate,
    changes,
    is_at_rest,
    kill,
    lab_of_its_own,
    run,
    runs_known,
    start,
)
from tests.waiting import wait_until

__all__ = ["lab_of_its_own"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
TRAINING = f"{SLUG}-treinamento"


def drop_registry(directory: Path) -> None:
    database = load_state(directory).mariadb
    schema = parse_url(database.registry_url).database
    with connect(
        host=database.host,
        port=database.port,
        user=database.admin_user,
        password=database.admin_password.get_secret_value(),
    ) as connection:
        connection.cursor().execute(f"DROP DATABASE `{schema}`")
        connection.cursor().execute(f"CREATE DATABASE `{schema}` CHARACTER SET utf8mb4")


def test_a_lost_implanta_comes_back_and_nothing_is_started_twice(lab_of_its_own: Path, tmp_path: Path) -> None:
    directory = lab_of_its_own
    first = brought_to_the_gate(directory)
    wait_until(lambda: is_at_rest(directory), "the worker has nothing in its hands", seconds=WORKER_SECONDS)

    assert run(directory, "self-backup", "now")["proved"]
    phrase, keys, storage = tmp_path / "frase.txt", tmp_path / "chaves.json", tmp_path / "s3.toml"
    phrase.write_text("quatro palavras bem sorteadas\n")
    run(directory, "backup", "keys", "export", str(keys), "--password-file", str(phrase))
    s3 = load_state(directory).s3
    storage.write_text(
        f'endpoint = "{s3.endpoint}"\naccess_key = "{s3.access_key}"\n'
        f'secret_key = "{s3.secret_key.get_secret_value()}"\nregion = "{s3.region}"\n'
    )
    instead = {"chaves.json": str(keys), "frase.txt": str(phrase), "s3.toml": str(storage)}
    restore = example_of("self-backup restore", instead)

    # Something is begun and a day passes after the backup: it is in neither of the databases that come back.
    start(directory, "painel/painel")
    kill(directory, "prefect", "worker")
    refused = subprocess.run(
        [PROJECT_ROOT / "implanta", *restore],
        env=operator_environment(directory),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == WAITING, "nobody loses what is there by mistake"
    assert "Não está vazio" in refused.stderr

    drop_registry(directory)
    for file in Layout(directory).service_dir("prefect").glob("prefect.db*"):
        file.unlink()
    restored = run(directory, *restore)
    assert restored["rows"] > 0
    run(directory, "lab", "up")
    run(directory, "deploy")
    runs = runs_known(directory)
    assert runs > 0, "what the orchestrator knew is there"
    states = {"flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}}
    run(directory, *example_of("self-backup resume"))
    assert runs_known(directory, **states) == 0, "what was at work when it was copied is at work no more"
    late = run(directory, "self-backup", "resume")
    assert late["updated"] == 0, "again changes nothing"

    registry = Registry(load_state(directory).mariadb.registry_url)
    assert [record.slug for record in registry.list_environments()] == [TRAINING]
    again = run(directory, "implant", SLUG, code=WAITING)
    assert again["waiting_for"] == first["waiting_for"]
    assert changes(again) == 0, "nothing is done twice"
    # The nightly backup finds its environments, with the keys that came back.
    assert run(directory, "backup", "now", TRAINING)["proved"]
    registry.dispose()
