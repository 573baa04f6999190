"""The map: how far behind the state, what does not go together, what was never looked at; and its picture."""

from datetime import UTC, date, datetime

import pytest

from blocks.version_picture import draw_versions
from domain.campaign.sighting import Sighting, is_news, parameters_digest, unsound, with_since
from domain.campaign.version_map import Mapped, VersionMap, map_of
from tests.domain.examples import CATALOG

RELEASES, MODULES = CATALOG.releases(), CATALOG.modules()
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
TODAY = date(2027, 3, 11)


def make_seen(sei: str = "4.1.1", release: str = "4.1.0", **more: object) -> Sighting:
    facts = {"sei": sei, "sip": "3.1.1", "resources": "4.1.0", "release": release, "since": NOW}
    return Sighting.model_validate(facts | more)


def make_mapped(
    municipality: str, seen: Sighting | None = None, release: str = "4.1.0", *, of_the_state: bool = False
) -> Mapped:
    return Mapped(
        environment=f"{municipality}-producao",
        municipality=municipality,
        release=release,
        of_the_state=of_the_state,
        seen=seen,
        seen_at=NOW if seen else None,
    )


STATE = make_mapped("estado", make_seen(), of_the_state=True)


def make_map(*environments: Mapped, received: dict[str, date] | None = None) -> VersionMap:
    return map_of(environments, RELEASES, MODULES, received or {}, TODAY)


def test_each_one_is_so_many_versions_behind_the_state_for_so_many_days() -> None:
    found = make_map(
        STATE, make_mapped("lavras", make_seen("4.0.0", "4.0.0"), "4.0.0"), make_mapped("unai", make_seen())
    )
    behind = {row.municipality: (row.behind, row.waiting_days) for row in found.rows}
    assert behind == {"estado": (0, None), "lavras": (1, 10), "unai": (0, None)}
    assert (found.state, found.state_since) == ("4.1.1", date(2027, 3, 1))
    assert [row.municipality for row in found.behind] == ["lavras"]
    assert "| lavras | lavras-producao | 4.0.0 | 3.1.1 | 4.1.0 |  | 1 versão, há 10 dias | 0 |  |" in "\n".join(
        found.markdown()
    )


def test_who_was_upgraded_since_the_last_look_has_the_version_that_the_registry_says() -> None:
    found = make_map(STATE, make_mapped("lavras", make_seen("4.0.0", "4.0.0"), "4.1.0"))
    assert {row.municipality: row.sei for row in found.rows}["lavras"] == "4.1.1"


def test_modules_that_do_not_go_with_the_version_and_drift_are_named() -> None:
    wrong = make_mapped("lavras", make_seen(modules={"pen": "4.0.1", "wssei": "2.2.0"}, drift=2, drifted=("tabela x",)))
    found = make_map(STATE, wrong, make_mapped("unai"))
    (row,) = found.unsupported
    assert row.problems == ("Tramita.gov.br (PEN) 4.0.1 não serve ao SEI 4.1.1: use 3.7.0",)
    assert [row.municipality for row in found.drifted] == ["lavras"]
    assert "nunca |" in "\n".join(found.markdown()), "nobody has looked into Unaí"


@pytest.mark.parametrize(
    ("received", "state"), [({}, None), ({"4.1.0": date(2027, 3, 5), "4.0.0": date(2026, 1, 1)}, "4.1.1")]
)
def test_a_state_that_is_operated_elsewhere_is_what_the_catalog_says(
    received: dict[str, date], state: str | None
) -> None:
    found = make_map(make_mapped("lavras", make_seen("4.0.0", "4.0.0"), "4.0.0"), received=received)
    assert found.state == state
    assert found.rows[0].behind == (1 if state else None)
    assert found.rows[0].waiting_days == (6 if state else None)


def test_the_picture_is_equal_for_equal_maps_and_stands_an_empty_one() -> None:
    found = make_map(STATE, make_mapped("lavras", make_seen("4.0.0", "4.0.0"), "4.0.0"))
    assert draw_versions(found) == draw_versions(found)
    assert draw_versions(found).startswith(b"\x89PNG")
    assert draw_versions(make_map()).startswith(b"\x89PNG")


def test_a_look_is_told_when_it_is_news_and_once_a_week() -> None:
    seen = make_seen()
    assert is_news(seen, None, None, NOW)
    assert not is_news(seen, seen, NOW, NOW.replace(day=3))
    assert is_news(seen, seen, NOW, NOW.replace(day=9))
    assert is_news(seen, make_seen(drift=1), NOW, NOW)
    later = NOW.replace(day=20)
    assert with_since(make_seen(since=None), seen, later).since == NOW
    assert with_since(make_seen("4.1.2", since=None), seen, later).since == later


def test_since_when_each_module_has_its_version_is_kept_apart_from_that_of_sei() -> None:
    later, last = NOW.replace(day=20), NOW.replace(day=21)
    first = with_since(make_seen(modules={"pen": "3.6.2", "wssei": "2.2.0"}), None, NOW)
    second = with_since(make_seen(modules={"pen": "3.7.0", "wssei": "2.2.0"}), first, later)
    third = with_since(make_seen(modules={"pen": "3.7.0"}), second, last)
    assert (third.since_when(None), third.since_when("pen"), third.since_when("wssei")) == (NOW, later, None)
    assert second.since_when("wssei") == NOW


def test_what_cannot_be_known_is_said() -> None:
    assert unsound(None, "4.1.0", (), "lavras-producao").startswith("os bancos ainda não foram lidos")
    assert "restauração" in unsound(make_seen(), "4.1.0", ("lavras-producao",), "lavras-producao")
    torn = make_seen(problems=("o SIP ficou para trás",))
    assert (
        unsound(torn, "4.1.0", (), "lavras-producao") == "as versões nos bancos se contradizem: o SIP ficou para trás"
    )
    assert unsound(torn, "4.2.0", (), "lavras-producao") == "", "it was upgraded since"


def test_addresses_and_long_texts_make_no_variant_of_parameters() -> None:
    one = {"SEI_TIPO_CAPTCHA": "5", "SEI_EMAIL_SISTEMA": "a@b.gov.br", "AVISO": "x" * 50}
    assert parameters_digest(one) == parameters_digest({**one, "SEI_EMAIL_SISTEMA": "c@d.gov.br", "AVISO": "y" * 60})
    assert parameters_digest(one) != parameters_digest({**one, "SEI_TIPO_CAPTCHA": "3"})
