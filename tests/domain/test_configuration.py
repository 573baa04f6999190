"""SEI's configuration files: every group, in the bytes that PHP reads, and nothing that PHP would read otherwise."""

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, SecretStr, ValidationError

from domain.configuration import (
    CONFIGURATION_FILES,
    MASK,
    Configuration,
    Federation,
    Mail,
    MailAccount,
    PenModule,
    WsSeiModule,
    changed_keys,
    render_php,
    solr_cores,
)
from domain.errors import InvalidInputError
from domain.php import php_class
from domain.plan import Plan
from domain.runtime_resources import render_php_settings
from tests.domain.examples import PLANS, make_configuration
from tests.domain.php_reader import read_class
from tests.sizes import resources_for

CP1252 = "".join(bytes([code]).decode("cp1252", errors="ignore") for code in range(256))
TEXTS = st.text(st.sampled_from(CP1252), max_size=40)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcXYZ'\\", min_size=1), inner, max_size=3),
    max_leaves=8,
)
HARD = [
    "'",
    "\\",
    "\\'",
    "'\\",
    "\\\\'",
    "?>",
    "<?php",
    "$x{$y}",
    "\r\n",
    "\x00",
    "“—€”",
    "</script>",
    "a\\nb",
    "ç'ã\\",
]

PHP = shutil.which("php")
needs_php = pytest.mark.skipif(PHP is None, reason="o pacote php-cli não está instalado")
# What PHP reads, with each string as the hexadecimal of its bytes: JSON has no ISO-8859-1.
READ_WITH_PHP = """
class InfraConfiguracao {}
function plain($v) {
    if (is_array($v)) {
        $r = [];
        foreach ($v as $k => $w) { $r[bin2hex((string)$k)] = plain($w); }
        return ['array' => (object)$r, 'list' => array_is_list($v)];
    }
    return is_string($v) ? ['text' => bin2hex($v)] : ['value' => $v];
}
ini_set('serialize_precision', '17');
require $argv[1];
$class = $argv[2];
echo json_encode(plain($class::getInstance()->getArrConfiguracoes()));
"""


def as_php_knows(value: JsonValue) -> JsonValue:
    """PHP has one empty array for Python's two."""
    if isinstance(value, dict):
        return {key: as_php_knows(item) for key, item in value.items()} or []
    return [as_php_knows(item) for item in value] if isinstance(value, list) else value


def read_with_php(directory: Path, source: bytes, name: str) -> Any:  # noqa: ANN401  # any JSON
    file = directory / f"{name}.php"
    file.write_bytes(source)
    done = subprocess.run(
        [str(PHP), "-d", "display_errors=stderr", "-r", READ_WITH_PHP, "--", str(file), name],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")

    def plain(node: dict[str, Any]) -> Any:  # noqa: ANN401
        if "text" in node:
            return bytes.fromhex(node["text"]).decode("cp1252")
        if "array" not in node:
            return node["value"]
        keyed = {bytes.fromhex(key).decode("cp1252"): plain(item) for key, item in node["array"].items()}
        return list(keyed.values()) if node["list"] else keyed

    return plain(json.loads(done.stdout))


@given(groups=st.dictionaries(st.sampled_from(["SEI", "InfraMail", "RH"]), st.dictionaries(TEXTS, VALUES, max_size=4)))
@example(groups={"SEI": {f"chave {number}": text for number, text in enumerate(HARD)}})
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_comes_back_as_it_was_written(groups: dict[str, dict[str, JsonValue]]) -> None:
    assert read_class(php_class("ConfiguracaoSEI", groups)) == as_php_knows(groups)  # type: ignore[arg-type]


@needs_php
def test_php_itself_reads_back_what_was_written(tmp_path: Path) -> None:
    values: dict[str, JsonValue] = {f"chave {number}": text for number, text in enumerate([*HARD, CP1252])}
    values |= {"nada": None, "sim": True, "não": False, "inteiro": -7, "fração": 0.1, "vazio": []}
    groups: Configuration = {"SEI": values, "RH": {"lista": ["a", {"b": ["c'", 2]}], "Título": {"Ação": "São"}}}
    assert read_with_php(tmp_path, php_class("ConfiguracaoSEI", groups), "ConfiguracaoSEI") == groups


@needs_php
def test_php_itself_reads_every_file_of_a_whole_configuration(tmp_path: Path) -> None:
    groups = make_configuration(pen=PEN, wssei=WSSEI).groups()
    files = render_php(groups)
    assert len(files) == 4
    for file, source in files.items():
        read = read_with_php(tmp_path, source, file.class_name)
        assert read == {name: as_php_knows(dict(groups[name])) for name in read}


PEN = PenModule(
    web_service="https://api.example.gov.br/interoperabilidade/rest/v3/", certificate_password=SecretStr("senha-pen")
)
WSSEI = WsSeiModule(token_secret=SecretStr("t" * 25))


def test_the_files_hold_every_group_of_the_manual_and_no_group_twice_in_one() -> None:
    groups = make_configuration(pen=PEN, wssei=WSSEI).groups()
    read: dict[str, dict[str, Any]] = {}
    for file, source in render_php(groups).items():
        found = read_class(source)
        assert isinstance(found, dict)
        read[file.path] = found
    assert set(read) == {
        "sei/config/ConfiguracaoSEI.php",
        "sip/config/ConfiguracaoSip.php",
        "sei/config/mod-pen/ConfiguracaoModPEN.php",
        "sei/config/mod-wssei/ConfiguracaoMdWSSEI.php",
    }
    captcha_and_mail = {"hCaptcha", "ReCaptchaV2", "ReCaptchaV3", "Cloudflare", "InfraMail"}
    sei, sip = read["sei/config/ConfiguracaoSEI.php"], read["sip/config/ConfiguracaoSip.php"]
    assert set(sei) == captcha_and_mail | {
        *("SEI", "PaginaSEI", "SessaoSEI", "BancoSEI", "CacheSEI", "Federacao", "Manutencao"),
        *("XSS", "Limites", "RH", "Solr", "JODConverter"),
    }
    assert set(sip) == captcha_and_mail | {"Sip", "PaginaSip", "SessaoSip", "BancoSip", "CacheSip"}
    assert sei["SEI"]["Modulos"] == {"PENIntegracao": "pen", "MdWsSeiRest": "wssei"}
    assert sei["SessaoSEI"]["ChaveAcesso"] != sip["SessaoSip"]["ChaveAcesso"]
    assert sei["SessaoSEI"]["SiglaOrgaoSistema"] == sip["SessaoSip"]["SiglaOrgaoSistema"]
    assert set(sei["Limites"]) == {f"Nivel{level}{unit}" for level in (1, 2, 3) for unit in ("TempoSeg", "MemoriaMb")}
    assert read["sei/config/mod-pen/ConfiguracaoModPEN.php"]["PEN"]["SenhaCertificado"] == "senha-pen"
    assert sorted(group for file in CONFIGURATION_FILES for group in file.own_groups) == sorted(
        {group for file in CONFIGURATION_FILES for group in file.own_groups}
    )


def test_accents_are_one_byte_each() -> None:
    source = php_class("ConfiguracaoSEI", {"PaginaSEI": {"NomeSistemaComplemento": "Timóteo · produção"}})
    assert "Timóteo · produção".encode("iso-8859-1") in source
    assert "Timóteo".encode() not in source


@pytest.mark.parametrize(("text", "position"), [("Timóteo → 2026", 9), ("日", 1), ("e\u0301", 2), ("\x81", 1)])
def test_what_sei_cannot_write_is_refused_with_its_group_and_key_and_not_its_value(text: str, position: int) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        render_php({"InfraMail": {}, "SEI": {"Modulos": {"A": text}}})
    assert f"O {position}º caractere não existe em ISO-8859-1" in str(refusal.value)
    assert "ConfiguracaoSEI.php, SEI.Modulos.A" in str(refusal.value)
    assert text not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, float("inf"), float("nan")])
def test_a_number_that_php_would_change_is_refused(number: float) -> None:
    with pytest.raises(InvalidInputError, match=r"não cabe.*SEI\.X"):
        php_class("ConfiguracaoSEI", {"SEI": {"X": number}})


def test_a_group_of_no_file_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Grupo de configuração desconhecido: HostWebService"):
        render_php({"SEI": {}, "HostWebService": {}})


def test_a_file_without_a_group_of_its_own_is_not_written() -> None:
    assert [file.name for file in render_php({"SEI": {}, "InfraMail": {}})] == ["ConfiguracaoSEI.php"]


def test_masked_groups_show_no_secret_and_are_otherwise_the_same() -> None:
    made = make_configuration(pen=PEN, wssei=WSSEI)
    shown, masked = made.groups(), made.masked_groups()
    hidden = set(changed_keys(shown, masked))
    assert hidden == {
        *("SessaoSEI.ChaveAcesso", "SessaoSip.ChaveAcesso", "BancoSEI.Senha", "BancoSip.Senha", "Solr.Senha"),
        *("InfraMail.Senha", "PEN.SenhaCertificado", "WSSEI.TokenSecret"),
    }
    assert all(masked[group][key] == MASK for group, _, key in (name.partition(".") for name in hidden))
    for text in (repr(made), str(made), made.model_dump_json()):
        assert not [name for name in ("senha-pen", "t" * 25, "chave-sei", "senha-banco") if name in text]


def test_outside_production_no_mail_leaves_and_no_federation_is_joined() -> None:
    open_mail = Mail(server="smtp.example.gov.br")
    with pytest.raises(ValidationError, match=r"InfraMail\.Protegido"):
        make_configuration(mail=open_mail)
    other = MailAccount(server="smtp.example.gov.br")
    with pytest.raises(ValidationError, match=r"InfraMail\.Protegido"):
        make_configuration(mail=Mail(server="x", protected_box="um@example.org", domains={"mg.gov.br": other}))
    with pytest.raises(ValidationError, match=r"Federacao\.Habilitado"):
        make_configuration(federation=Federation(enabled=True))
    assert make_configuration(is_production=True, mail=open_mail, federation=Federation(enabled=True))


def test_a_refusal_of_a_configuration_quotes_no_password() -> None:
    with pytest.raises(ValidationError) as refusal:
        WsSeiModule(token_secret=SecretStr("curta-demais"))
    assert "curta-demais" not in str(refusal.value)


def test_two_environments_share_no_core() -> None:
    assert not set(solr_cores("timoteo-treinamento").values()) & set(solr_cores("timoteo-producao").values())
    assert set(solr_cores("a-b").values()) == {
        "a-b-sei-protocolos",
        "a-b-sei-bases-conhecimento",
        "a-b-sei-publicacoes",
    }


def test_what_changed_is_named_by_key_and_never_by_value() -> None:
    before: Configuration = {"SEI": {"URL": "a", "Producao": True}, "RH": {"CargoFuncao": ""}}
    after: Configuration = {"SEI": {"URL": "segredo", "Producao": True}, "Sip": {"URL": "x"}}
    assert changed_keys(before, after) == ("RH.CargoFuncao", "SEI.URL", "Sip.URL")
    assert changed_keys(before, before) == ()


def test_a_bigger_plan_never_gets_less_of_anything() -> None:
    sizes = [resources_for(line.plan).model_dump() for line in PLANS.ranges]
    sizes.append(resources_for(Plan(faixa=None, users=10_000, concurrent_users=900, negotiated=True)).model_dump())
    for smaller, bigger in pairwise(sizes):
        assert all(smaller[name] <= bigger[name] for name in smaller)
        assert smaller["php_workers"] < bigger["php_workers"]


def test_no_level_of_sei_may_use_more_memory_than_the_application_has() -> None:
    resources = resources_for(PLANS.ranges[0].plan)
    limits = resources.limits
    assert limits.level1_memory_mb == resources.php_memory_mb
    assert max(limits.level2_memory_mb, limits.level3_memory_mb) <= resources.app_memory_mb


def test_a_form_has_room_for_the_largest_file_and_its_fields() -> None:
    resources = resources_for(PLANS.ranges[2].plan)
    settings_of = render_php_settings(resources)
    ini = dict(line.split(" = ") for line in settings_of["sei.ini"].decode().splitlines() if " = " in line)
    assert int(ini["post_max_size"].rstrip("M")) > int(ini["upload_max_filesize"].rstrip("M"))
    assert ini["upload_max_filesize"] == f"{resources.upload_mb}M" == "150M"
    assert ini["default_charset"] == '"ISO-8859-1"'
    pool = settings_of["sei-fpm.conf"].decode()
    assert f"pm.max_children = {resources.php_workers}\n" in pool
