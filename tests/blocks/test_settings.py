"""The settings of an installation: environment over file, and a refusal that says where it looked."""

from pathlib import Path

import pytest

from blocks.settings import PROJECT_ROOT, lab_dir, load_settings, settings_file
from domain.errors import InvalidInputError

FILE = """
registry_url = "mysql+pymysql://implanta:senha-do-arquivo@127.0.0.1:3306/implanta"
prefect_api_url = "http://127.0.0.1:4200/api"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of an installation of its own."""
    for name in ("REGISTRY_URL", "PREFECT_API_URL", "REFERENCE_DIR", "RUNTIME_BLOCK", "LAB_DIR"):
        monkeypatch.delenv(f"IMPLANTA_{name}", raising=False)
    path = tmp_path / "settings.toml"
    path.write_text(FILE, encoding="utf-8")
    monkeypatch.setenv("IMPLANTA_SETTINGS", str(path))
    return path


def test_the_file_is_read_and_what_it_leaves_out_has_its_default(file: Path) -> None:
    settings = load_settings()
    assert settings.prefect_api_url == "http://127.0.0.1:4200/api"
    assert settings.registry_url.get_secret_value().endswith("@127.0.0.1:3306/implanta")
    assert (settings.reference_dir, settings.lab_dir) == (None, None)
    assert settings.runtime_block == "implanta-lab-runtime/principal"


def test_what_is_changed_counts_from_the_next_question_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().prefect_api_url == "http://127.0.0.1:4200/api"
    file.write_text(FILE.replace("4200", "4300"), encoding="utf-8")
    assert load_settings().prefect_api_url == "http://127.0.0.1:4300/api"
    monkeypatch.setenv("IMPLANTA_PREFECT_API_URL", "http://127.0.0.1:4400/api")
    assert load_settings().prefect_api_url == "http://127.0.0.1:4400/api"
    monkeypatch.delenv("IMPLANTA_PREFECT_API_URL")
    assert load_settings().prefect_api_url == "http://127.0.0.1:4300/api"
    file.unlink()
    with pytest.raises(InvalidInputError):
        load_settings()


def test_the_environment_comes_before_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPLANTA_PREFECT_API_URL", "https://prefect.exemplo.mg.gov.br/api")
    monkeypatch.setenv("IMPLANTA_REFERENCE_DIR", "/srv/referencias")
    settings = load_settings()
    assert settings.prefect_api_url == "https://prefect.exemplo.mg.gov.br/api"
    assert settings.reference_dir == Path("/srv/referencias")


def test_the_environment_alone_is_enough(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.unlink()
    monkeypatch.setenv("IMPLANTA_REGISTRY_URL", "mysql+pymysql://u:s@127.0.0.1/implanta")
    monkeypatch.setenv("IMPLANTA_PREFECT_API_URL", "http://127.0.0.1:4200/api")
    assert load_settings().prefect_api_url == "http://127.0.0.1:4200/api"


def test_settings_never_show_the_registrys_password(file: Path) -> None:
    settings = load_settings()
    assert "senha-do-arquivo" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_what_is_missing_is_told_with_the_places_that_were_looked_at(file: Path) -> None:
    file.unlink()
    with pytest.raises(
        InvalidInputError,
        match=r"Configuração incompleta: registry_url, prefect_api_url .*settings\.toml .* IMPLANTA_\*\).*lab up",
    ) as refusal:
        load_settings()
    assert str(file) in str(refusal.value)


@pytest.mark.parametrize(
    ("addition", "named"),
    [('registry_ulr = "x"', "registry_ulr"), ("prefect_api_url = 4200", "prefect_api_url")],
)
def test_a_mistyped_key_or_value_is_named_and_no_value_is_shown(file: Path, addition: str, named: str) -> None:
    lines = [line for line in FILE.splitlines() if not line.startswith(named)]
    file.write_text("\n".join([*lines, addition]), encoding="utf-8")
    with pytest.raises(InvalidInputError, match=named) as refusal:
        load_settings()
    assert "senha-do-arquivo" not in str(refusal.value)


@pytest.mark.parametrize("content", [b'registry_url = "sem fim', b"\xff\xfe", b"registry_url = 1\nregistry_url = 2"])
def test_a_file_that_is_no_toml_is_told_with_its_path(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(InvalidInputError, match="não é um arquivo TOML válido") as refusal:
        load_settings()
    assert str(file) in str(refusal.value)


def test_the_lab_of_the_project_is_the_one_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMPLANTA_LAB_DIR", raising=False)
    monkeypatch.delenv("IMPLANTA_SETTINGS", raising=False)
    assert lab_dir() == PROJECT_ROOT / ".lab"
    assert settings_file() == PROJECT_ROOT / ".lab" / "settings.toml"
    monkeypatch.setenv("IMPLANTA_LAB_DIR", "/srv/laboratorio")
    assert settings_file() == Path("/srv/laboratorio/settings.toml")
