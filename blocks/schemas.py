"""The published schemas that rendered files are held against before anybody is given them."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import jsonschema
import yaml
from pydantic import JsonValue
from referencing import Registry, Resource

from blocks.catalog_file import CATALOG_DIR
from domain.errors import IntegrityError

KUBERNETES_VERSION = "1.32"


@cache
def _compose_validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((CATALOG_DIR / "schemas" / "compose-spec.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def refuse_invalid_compose(project: JsonValue, where: str) -> None:
    """Raise IntegrityError, naming the place and not the value, if the Compose Specification does not know this."""
    problem = next(iter(sorted(_compose_validator().iter_errors(project), key=lambda e: list(e.path))), None)
    if problem is not None:
        place = ".".join(str(part) for part in problem.absolute_path)
        raise IntegrityError(
            f"O arquivo do Compose não segue a especificação em {place or 'sua raiz'} ({problem.validator})",
            where,
            "É um defeito do Implanta, ou um campo do bloco está errado: confira o bloco e avise a equipe.",
        )


@cache
def helm_keys() -> frozenset[str]:
    """The keys that the chart `sei-app` knows, as `app.db.seiUser`."""
    return frozenset(_automation("sei_helm")["chaves"])


@cache
def container_variables() -> frozenset[str]:
    """The environment variables that sei-docker's images know."""
    return frozenset(_automation("sei_docker")["variaveis"])


def _automation(name: str) -> dict[str, list[str]]:
    path = CATALOG_DIR / "automation" / f"{name}.yaml"
    values: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values


def refuse_invalid_manifests(manifests: Sequence[Mapping[str, JsonValue]], where: str) -> None:
    """Raise IntegrityError, naming object and place and not the value, if Kubernetes' schemas do not know this."""
    for manifest in manifests:
        validator = _kubernetes_validator(str(manifest["kind"]), str(manifest["apiVersion"]))
        problem = next(iter(sorted(validator.iter_errors(manifest), key=lambda e: list(map(str, e.path)))), None)
        if problem is not None:
            metadata = manifest["metadata"]
            name = metadata["name"] if isinstance(metadata, dict) else "?"
            place = ".".join(str(part) for part in problem.absolute_path)
            raise IntegrityError(
                f"O objeto {manifest['kind']}/{name} não segue o esquema do Kubernetes em {place or 'sua raiz'}",
                where,
                "É um defeito do Implanta, ou um campo do bloco está errado: confira o bloco e avise a equipe.",
            )


@cache
def _kubernetes_validator(kind: str, api_version: str) -> jsonschema.Draft202012Validator:
    # The library's own `validate` reads two megabytes of definitions again for each object.
    group, _, version = api_version.rpartition("/")
    schema = _kubernetes_schema("-".join(part for part in (kind.lower(), group.partition(".")[0], version) if part))
    registry = Registry().with_resources(
        (str(contents["$id"]) if "$id" in contents else name, Resource.from_contents(contents))
        for name, contents in (("", schema), ("_definitions.json", _kubernetes_schema("_definitions")))
    )
    return jsonschema.Draft202012Validator(schema, registry=registry)


@cache
def _kubernetes_schema(name: str) -> dict[str, JsonValue]:
    directory = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES_VERSION}.0-local-strict"
    schema: dict[str, JsonValue] = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
    return schema
