"""`./implanta environment render`: the files of an environment, for an operator to review before they are applied."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from blocks.runtime import ApplicationRuntime
    from domain.application_facts import RenderedFile
    from domain.configuration import Configuration
    from domain.runtime_resources import Workload

# Where nobody has saved a block of that kind, the files show these names, which no DNS knows (RFC 2606).
_EXAMPLE_DOMAIN = "sei.example"


class Kind(StrEnum):
    """In whose terms the environment is written."""

    PHP = "php"
    COMPOSE = "compose"
    HELM = "helm"
    MANIFESTS = "manifests"


Target = Annotated[str, typer.Argument(help="Ambiente, como timoteo-treinamento.")]
KindOption = Annotated[
    Kind,
    typer.Option(
        "--kind",
        help="php (arquivos do SEI e do PHP), compose (sei-docker), helm (sei-helm) ou manifests (Kubernetes).",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Diretório em que os arquivos são gravados.")]
WithSecrets = Annotated[
    bool, typer.Option("--with-secrets", help="Grava as senhas e chaves, em arquivos só do dono; exige --out.")
]


def render(
    target: Target,
    kind: KindOption = Kind.PHP,
    out_dir: Out = None,
    with_secrets: WithSecrets = False,
    as_json: JsonOption = False,
) -> None:
    """Mostra ou grava os arquivos de um ambiente, com as senhas encobertas.

    Exemplo: ./implanta environment render timoteo-treinamento --kind compose
    """
    from domain.errors import InvalidInputError

    with errors_as_lines():
        if with_secrets and out_dir is None:
            raise InvalidInputError(
                "Senhas não são mostradas na tela", "--with-secrets", "Informe também --out com um diretório."
            )
        files = _render(target, kind, with_secrets=with_secrets)
        written = _write(out_dir, files) if out_dir else ()
    if as_json:
        print_json(
            {
                "environment": target,
                "kind": kind.value,
                "files": [
                    {"name": file.name, "secret": file.is_secret, "content": None if out_dir else _text(file)}
                    for file in files
                ],
            }
        )
        return
    if out_dir:
        for path in written:
            out.print(str(path), soft_wrap=True, highlight=False)
        return
    for file in files:
        # Plain text, not rich's: brackets belong to the files.
        sys.stdout.write(f"# ---- {file.name}\n{_text(file)}\n")


def _render(target: str, kind: Kind, *, with_secrets: bool) -> "tuple[RenderedFile, ...]":
    from cli.prefect import connect

    connect()
    from blocks.secrets import EnvironmentSecrets
    from tasks import doors
    from tasks.configuration import configuration, workload
    from tasks.instance import load_instance
    from tasks.live import is_open
    from tasks.modules import modules_switched_on

    instance = load_instance(target)
    runtime = _runtime(kind)
    try:
        secrets = doors.environment_secrets(target)
    except doors.NoBlockError:
        if with_secrets:
            raise
        secrets = EnvironmentSecrets.generate()  # covered in what is shown, and forgotten after it
    closed = instance.name.purpose.value == "producao" and not is_open(instance)
    modules = modules_switched_on(instance)
    made = configuration(instance, runtime, secrets, maintenance=closed, modules=modules)
    groups = made.groups() if with_secrets else made.masked_groups()
    return _files(kind, runtime, instance.name.slug, groups, workload(instance))


def _files(
    kind: Kind, runtime: "ApplicationRuntime", slug: str, groups: "Configuration", size: "Workload"
) -> "tuple[RenderedFile, ...]":
    from blocks.runtime import ComposeRuntime, KubernetesRuntime
    from domain.application_facts import RenderedFile
    from domain.configuration import render_php
    from domain.environment import EnvironmentName
    from domain.render_manifests import manifests_file
    from domain.runtime_resources import render_php_settings

    environment = EnvironmentName.parse(slug)
    if isinstance(runtime, ComposeRuntime) and kind is Kind.COMPOSE:
        return runtime.render(environment, groups, size)
    if isinstance(runtime, KubernetesRuntime) and kind is Kind.HELM:
        return (runtime.render_helm(environment, groups, size),)
    if isinstance(runtime, KubernetesRuntime) and kind is Kind.MANIFESTS:
        return (manifests_file(runtime.render(environment, groups, size)),)
    php = (RenderedFile(name=file.name, content=source, is_secret=True) for file, source in render_php(groups).items())
    settings = (
        RenderedFile(name=name, content=content, is_secret=False)
        for name, content in render_php_settings(size.resources).items()
    )
    return (*php, *settings)


def _runtime(kind: Kind) -> "ApplicationRuntime":
    """The programme's own host when it is of the wanted kind; otherwise one with example names."""
    from pydantic import SecretStr

    from blocks.runtime import ComposeRuntime, KubernetesRuntime
    from tasks import doors

    own = doors.runtime()
    if kind is Kind.COMPOSE and not isinstance(own, ComposeRuntime):
        return ComposeRuntime(
            projects_dir=Path("/srv/implanta/projetos"),
            code_dir=Path("/srv/implanta/fontes"),
            files_dir=Path("/srv/implanta/arquivos"),
            domain=_EXAMPLE_DOMAIN,
        )
    if kind in {Kind.HELM, Kind.MANIFESTS} and not isinstance(own, KubernetesRuntime):
        return KubernetesRuntime(
            api_url="https://kubernetes.example:6443",
            token=SecretStr(""),
            domain=_EXAMPLE_DOMAIN,
            solr_url="http://solr.sei.svc:8983/solr",
            jod_url="http://jod.sei.svc:8080/conversion?format=pdf",
        )
    return own


def _text(file: "RenderedFile") -> str:
    """What a terminal shows: PHP files are ISO-8859-1, all others UTF-8."""
    from domain.php import PHP_ENCODING

    return file.content.decode(PHP_ENCODING if file.name.endswith(".php") else "utf-8")


def _write(directory: Path, files: "tuple[RenderedFile, ...]") -> tuple[Path, ...]:
    from blocks.private_files import ensure_private_files

    ensure_private_files(directory, {file.name: file.content for file in files})
    return tuple(directory / file.name for file in files)
