"""When two certificates of delivery say the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.delivery import Check, DeliveryCertificate, ReferenceProof, ServiceTime
from domain.segregation import ProbeResult, Way

MOMENT = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROBE = ProbeResult(way=Way.SQL, title="ler os usuários", got_through=False, evidence="erro 1142")


def make_certificate(**changes: object) -> DeliveryCertificate:
    facts: dict[str, object] = {
        "environment": "timoteo-producao",
        "municipality": "Timóteo (MG)",
        "ibge": "3168705",
        "purpose": "produção",
        "plan": "faixa 3",
        "release": "4.1.0",
        "url": "https://timoteo.example",
        "database_server": "principal",
        "names": {"banco do SEI": "timoteo_producao_sei", "balde S3": "timoteo-producao"},
        "limits": ("750 usuários",),
        "reference": ReferenceProof(
            version="4.1.0",
            kind="official",
            digest="a" * 64,
            sei_fingerprint="b" * 64,
            sip_fingerprint="c" * 64,
            tables=354,
            rows={"serie": 254},
        ),
        "checks": (Check(title="Aplicação", evidence="no ar"),),
        "segregation": (PROBE,),
        "neighbour": "unai-producao",
        "issued_at": MOMENT,
    }
    return DeliveryCertificate.model_validate({**facts, **changes})


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "issued_at": st.timedeltas(timedelta(0), timedelta(days=900)).map(lambda later: MOMENT + later),
            "durations": st.dictionaries(st.sampled_from(["borda", "cidades"]), st.floats(0, 99)),
            "service_time": st.builds(ServiceTime, business_days=st.integers(0, 30), agreed=st.just(15)),
            "neighbour": st.sampled_from([None, "lavras-producao"]),
            "segregation": st.just((PROBE, PROBE)),
            "checks": st.just((Check(title="Aplicação", evidence="em manutenção"),)),
        },
    )
)
def test_when_and_how_fast_it_was_proved_is_not_its_substance(changes: dict[str, object]) -> None:
    assert make_certificate(**changes).substance == make_certificate().substance


@given(
    st.sampled_from(
        [
            {"release": "4.1.1"},
            {"plan": "faixa 4"},
            {"url": "https://outro.example"},
            {"database_server": "segundo"},
            {"limits": ("1500 usuários",)},
            {"names": {"banco do SEI": "outro"}},
            {"reference": make_certificate().reference.model_copy(update={"sei_fingerprint": "d" * 64})},
        ]
    )
)
def test_whatever_the_prefeitura_was_promised_is(changes: dict[str, object]) -> None:
    assert make_certificate(**changes).substance != make_certificate().substance


def test_the_order_of_names_says_nothing() -> None:
    names = make_certificate().names
    assert make_certificate(names=dict(reversed(names.items()))).substance == make_certificate().substance


def test_what_is_stored_reads_back_the_same() -> None:
    certificate = make_certificate(durations={"borda": 0.25})
    again = DeliveryCertificate.model_validate_json(certificate.model_dump_json(indent=2))
    assert again == certificate
    assert again.report.problems() == []
