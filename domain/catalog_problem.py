"""What is wrong with a catalog file, in the words of the people who edit it."""

from pydantic_core import ErrorDetails

# pydantic speaks English; the people who edit these files do not.
_PROBLEMS = {
    "missing": "falta este campo",
    "extra_forbidden": "campo desconhecido",
    "int_type": "deve ser um número inteiro",
    "int_parsing": "deve ser um número inteiro",
    "int_from_float": "deve ser um número inteiro",
    "string_type": "deve ser um texto: escreva entre aspas",
    "bool_type": "deve ser true ou false",
    "bool_parsing": "deve ser true ou false",
    "tuple_type": "deve ser uma lista",
    "dict_type": "deve ser um grupo de campos",
    "model_type": "deve ser um grupo de campos",
    "too_short": "não pode ficar vazio",
    "string_too_short": "não pode ficar vazio",
    "string_too_long": "passa de {max_length} caracteres",
    "greater_than": "deve ser maior que {gt}",
    "greater_than_equal": "deve ser no mínimo {ge}",
    "less_than": "deve ser menor que {lt}",
    "less_than_equal": "deve ser no máximo {le}",
    "enum": "deve ser {expected}",
    "literal_error": "deve ser {expected}",
    "value_error": "{error}",
    "date_from_datetime_parsing": "deve ser uma data aaaa-mm-dd",
    "date_parsing": "deve ser uma data aaaa-mm-dd",
    "string_pattern_mismatch": "não tem o formato esperado",
}


def problem_in(error: ErrorDetails) -> str:
    """One of pydantic's errors, in Portuguese and without the value."""
    template = _PROBLEMS.get(error["type"], "valor não aceito")
    return template.format_map({key: str(value).replace(" or ", " ou ") for key, value in error.get("ctx", {}).items()})


def field_at(location: tuple[int | str, ...]) -> str:
    """The way to a value inside a file: `2º item › prazo_corrente`."""
    names = [f"{step + 1}º item" if isinstance(step, int) else step for step in location if step != "[key]"]
    return " › ".join(names) or "arquivo"
