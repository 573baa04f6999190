"""PHP source of SEI's configuration classes, in the bytes that SEI reads: one array per class, ISO-8859-1.

SEI runs with `default_charset ISO-8859-1`, and its database's latin1 is cp1252: what cp1252 cannot write, SEI cannot
show (`sei.md` 1.1, 2.1). The shape of the class is the one that the public automation of SEI uses: a singleton below
`InfraConfiguracao` whose `getArrConfiguracoes` returns groups of keys.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from domain.errors import InvalidInputError

PHP_ENCODING = "cp1252"
_INDENT = "    "
_CONSTANTS = {None: "null", True: "true", False: "false"}
_LARGEST_INTEGER = 2**63 - 1  # beyond it PHP reads a float, and the value is another one


def php_class(name: str, groups: Mapping[str, Mapping[str, JsonValue]]) -> bytes:
    """The source of a configuration class, which PHP's `require` loads without printing anything.

    Raises:
        InvalidInputError: a value cannot be written; the message names class, group and key, never the value.
    """
    array = _array(groups, f"{name}.php", level=2)
    source = f"""<?php
// Arquivo gerado pelo Implanta a cada execução: o que for alterado à mão será desfeito.
class {name} extends InfraConfiguracao
{{
    private static $instance = null;

    public static function getInstance()
    {{
        if (self::$instance === null) {{
            self::$instance = new self();
        }}
        return self::$instance;
    }}

    public function getArrConfiguracoes()
    {{
        return {array};
    }}
}}
"""
    return source.encode(PHP_ENCODING)  # `_string` has looked at every value, the rest is ours


def _array(values: Mapping[str, JsonValue] | Mapping[str, Mapping[str, JsonValue]], where: str, level: int) -> str:
    lines = []
    for key, value in values.items():
        place = f"{where}, {key}" if level == 2 else f"{where}.{key}"  # noqa: PLR2004  # the groups' own level
        lines.append(f"{_INDENT * (level + 1)}{_string(key, place)} => {_value(value, place, level + 1)},")
    return _enclosed(lines, level)


def _value(value: JsonValue | Mapping[str, JsonValue], where: str, level: int) -> str:
    match value:
        case None | True | False:
            return _CONSTANTS[value]
        case int() if abs(value) <= _LARGEST_INTEGER:
            return str(value)
        case float() if value - value == 0:  # neither infinite nor NaN, which PHP writes as constants
            return repr(value)
        case str():
            return _string(value, where)
        case list():
            items = [f"{_INDENT * (level + 1)}{_value(item, where, level + 1)}," for item in value]
            return _enclosed(items, level)
        case Mapping():
            return _array(value, where, level)
    raise InvalidInputError("O valor não cabe num número do PHP", where, "Informe um número menor.")


def _enclosed(lines: list[str], level: int) -> str:
    return "array(\n" + "\n".join(lines) + f"\n{_INDENT * level})" if lines else "array()"


def _string(text: str, where: str) -> str:
    try:
        text.encode(PHP_ENCODING)
    except UnicodeEncodeError as e:
        # The position, not the text: the value may be a password.
        raise InvalidInputError(
            f"O {e.start + 1}º caractere não existe em ISO-8859-1, em que o SEI grava seus textos",
            where,
            "Troque-o no cadastro ou no plano e execute de novo.",
        ) from None
    # Between apostrophes PHP knows two escapes and no others: `\n`, `$x` and `?>` stay what they are.
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
