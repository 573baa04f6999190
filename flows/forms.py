"""How a parameter of a flow is asked for in the Prefect UI's form."""

from typing import Annotated, Any

from pydantic import Field
from pydantic_core import PydanticUndefined


def asked(
    title: str,
    description: str,
    default: object = PydanticUndefined,
    *,
    ge: int | None = None,
    le: int | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
) -> Any:  # noqa: ANN401  # as pydantic's own Field: it stands where a default of any type does
    """A field with the title and the description that the form shows, in Portuguese.

    Prefect 3.8 writes a title and a description of its own over those of an annotation's field, and leaves the rest of
    its schema alone: so they go there.
    """
    return Field(
        default,
        ge=ge,
        le=le,
        min_length=min_length,
        max_length=max_length,
        json_schema_extra={"title": title, "description": description},
    )


WaitSeconds = Annotated[
    int,
    asked("Espera", "Por quantos segundos esperar que termine outra execução do mesmo município.", ge=0, le=3600),
]

PlanCode = Annotated[
    str | None,
    asked("Código do plano", "Código do plano que foi visto: aplica-o só se ainda for o mesmo. Vazio: o de agora."),
]
