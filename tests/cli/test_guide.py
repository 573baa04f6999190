"""The operators' guide: what it names exists, and everything that exists is in it."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from prefect import Flow, settings
from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings
from prefect_redis.client import RedisMessagingSettings

import flows
from blocks.catalog import Catalog
from blocks.settings import PROJECT_ROOT
from cli.deploy import read_deployments
from domain.monitoring.rules import Probe
from tests.cli.examples import COMMANDS

DOCS = PROJECT_ROOT / "docs"
CHAPTERS = sorted(DOCS.glob("*.md"))
INDEXED = [path for path in CHAPTERS if path.stem != "guia-do-operador"]
# What is deliberately not deployed, and why.
PARTS = {
    "flows/create_environment.py:create_environment": "a stage of implantacao, and the unit of ambientes",
    "flows/seed.py:seed": "a stage of implantacao",
    "flows/import_users.py:import_users": "a stage of implantacao",
    "flows/training_gate.py:training_gate": "a stage of implantacao",
    "flows/go_live.py:go_live": "a stage of implantacao",
    "flows/clone_environment.py:clone_environment": "by command, with the name of what it overwrites",
    "flows/destroy_environment.py:destroy_environment": "by command, after two persons' decisions in the registry",
    "flows/reinstate_environment.py:reinstate_environment": "by command, after a person's decision in the registry",
}


def flows_of_ours() -> Iterator[str]:
    """Every flow, as deployments.yaml names one."""
    for module in pkgutil.iter_modules(flows.__path__):
        found = vars(importlib.import_module(f"flows.{module.name}"))
        for name, value in found.items():
            if isinstance(value, Flow) and value.fn.__module__ == f"flows.{module.name}":
                yield f"flows/{module.name}.py:{name}"


def commands_named(text: str) -> Iterator[str]:
    """What follows `./implanta` up to the first word that is no command's."""
    for found in re.finditer(r"\./implanta((?: [a-z][a-z-]*)+)", text):
        yield found[1].strip()


def is_known(words: str) -> bool:
    """Whether the first words are a command, or a group of commands."""
    parts = words.split()
    if any(command.startswith(f"{words} ") for command in COMMANDS):
        return True
    return any(" ".join(parts[:length]) in COMMANDS for length in range(1, len(parts) + 1))


WITH_COMMANDS = [*CHAPTERS, PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "catalog").glob("*.yaml"))]
REMEDIES = {probe: rule.remedy for probe, rule in Catalog().monitoring().probes.items()}


@pytest.mark.parametrize("chapter", WITH_COMMANDS, ids=lambda path: path.name)
def test_every_command_of_a_chapter_exists(chapter: Path) -> None:
    text = chapter.read_text(encoding="utf-8")
    assert [words for words in commands_named(text) if not is_known(words)] == []


@pytest.mark.parametrize(
    "chapter", [path for path in CHAPTERS if path.stem != "guia-do-operador"], ids=lambda p: p.stem
)
def test_every_chapter_is_in_the_index(chapter: Path) -> None:
    index = (DOCS / "guia-do-operador.md").read_text(encoding="utf-8")
    assert f"({chapter.name})" in index


def test_the_guide_says_what_to_do_of_every_incident() -> None:
    chapter = (DOCS / "monitoracao.md").read_text(encoding="utf-8")
    assert [probe for probe, remedy in REMEDIES.items() if f"| {probe.label} | {remedy} |" not in chapter] == []


@pytest.mark.parametrize("probe", REMEDIES)
def test_what_is_told_to_do_can_be_typed(probe: Probe) -> None:
    """At night nobody looks up what a command still wants: what it needs is named, in capitals."""
    for typed in re.split(r"\./implanta ", REMEDIES[probe])[1:]:
        words = typed.split()
        command = next(" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]).rstrip(".,:;)") in COMMANDS)
        of_command = COMMANDS[command.rstrip(".,:;)")].params
        needed = [one for one in of_command if one.required and one.param_type_name == "argument"]
        given = words[len(command.split()) :][: len(needed)]
        assert len(given) == len(needed) and all(word.isupper() for word in given), f"{command} {given}"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_link_leads_to_a_file(chapter: Path) -> None:
    text = chapter.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_every_deployment_has_its_routine_and_every_routine_is_deployed() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "rotinas.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(deployment.name for deployment in read_deployments().deployments)


def test_every_flow_is_deployed_or_deliberately_a_part_of_another() -> None:
    deployed = {deployment.entrypoint for deployment in read_deployments().deployments}
    assert deployed.isdisjoint(PARTS)
    assert set(flows_of_ours()) == deployed | PARTS.keys()


def test_every_setting_of_prefect_that_the_chapter_on_scale_names_exists() -> None:
    text = (DOCS / "escala.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bPREFECT_[A-Z_]+\b", text))
    redis = {"PREFECT_REDIS_MESSAGING_URL", "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL"}  # of a package of its own
    assert "url" in RedisMessagingSettings.model_fields
    assert "url" in RedisWorkerCleanupQueueSettings.model_fields
    past_the_settings = {"PREFECT_SERVER_ENCRYPTION_KEY"}  # the server reads it from its environment
    assert named
    assert [name for name in named - redis - past_the_settings if not hasattr(settings, name)] == []


def test_what_the_chapter_on_scale_gives_to_kubernetes_can_be_read_by_it() -> None:
    text = (DOCS / "escala.md").read_text(encoding="utf-8")
    values, worker = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    for variable in values["global"]["prefect"]["env"]:
        assert set(variable) in ({"name", "value"}, {"name", "valueFrom"})
        assert isinstance(variable.get("value", ""), str), "Kubernetes takes texts only"
    kubernetes_validate.validate(worker, "1.31", strict=True)
