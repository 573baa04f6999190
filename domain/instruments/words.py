"""What a document may say. The names of the fields are the tags that operators write in Word: `{{ municipio.nome }}`.

Everything is text as a document shows it, so that a template needs no more than tags. What nobody told is a blank to
be filled in by hand.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import JsonValue

from domain.calendar import Holiday
from domain.document_model.entries import Destinacao
from domain.environment import orgao_description
from domain.instruments.communication import Audience, CommunicationRule, DatedMessage
from domain.instruments.instrument import Instrument, Programme, Signer
from domain.instruments.records_plan import RecordsPlan, Subject
from domain.instruments.timetable import Timetable, Window
from domain.model import Frozen
from domain.municipality import Municipality
from domain.plan import Plan
from domain.spreadsheet_prefeitura import PrefeituraSheet
from domain.text import clean

BLANK = "____________________"
NO_RETENTION = "—"

STATES = {
    "AC": "Estado do Acre", "AL": "Estado de Alagoas", "AM": "Estado do Amazonas", "AP": "Estado do Amapá",
    "BA": "Estado da Bahia", "CE": "Estado do Ceará", "DF": "Distrito Federal", "ES": "Estado do Espírito Santo",
    "GO": "Estado de Goiás", "MA": "Estado do Maranhão", "MG": "Estado de Minas Gerais",
    "MS": "Estado de Mato Grosso do Sul", "MT": "Estado de Mato Grosso", "PA": "Estado do Pará",
    "PB": "Estado da Paraíba", "PE": "Estado de Pernambuco", "PI": "Estado do Piauí", "PR": "Estado do Paraná",
    "RJ": "Estado do Rio de Janeiro", "RN": "Estado do Rio Grande do Norte", "RO": "Estado de Rondônia",
    "RR": "Estado de Roraima", "RS": "Estado do Rio Grande do Sul", "SC": "Estado de Santa Catarina",
    "SE": "Estado de Sergipe", "SP": "Estado de São Paulo", "TO": "Estado do Tocantins",
}  # fmt: skip
MONTHS = (
    *("janeiro", "fevereiro", "março", "abril", "maio", "junho"),
    *("julho", "agosto", "setembro", "outubro", "novembro", "dezembro"),
)
_DESTINATIONS = {Destinacao.ELIMINACAO: "Eliminação", Destinacao.GUARDA_PERMANENTE: "Guarda permanente"}


class Programa(Frozen):
    """The programme and those who run it."""

    nome: str
    gestor: str
    executor: str


class Instrumento(Frozen):
    """Which document it is. Its own version and day are stamped on it when it is made, and are none of its data."""

    titulo: str
    versao_do_modelo: str


class Municipio(Frozen):
    """The municipality."""

    nome: str
    uf: str
    estado: str
    ibge: str
    populacao: str
    prefeitura: str


class Assinatura(Frozen):
    """One signature: of somebody who is not `conhecida` the name is a blank, for the text."""

    nome: str
    conhecida: bool
    cargo: str
    artigo: str


class Prefeitura(Frozen):
    """What the prefeitura told of itself."""

    cnpj: str
    endereco: str
    cpf_prefeito: str
    comarca: str
    diario_oficial: str
    unidade_gestora: str


class Plano(Frozen):
    """The contracted plan, and the agreed time to deliver an environment."""

    nome: str
    usuarios: str
    simultaneos: str
    dias_uteis_ambiente: str


class Atividade(Frozen):
    """One line of the timetable."""

    numero: str
    titulo: str
    responsavel: str
    entrega: str
    dias_uteis: str
    depois_de: str
    inicio: str
    fim: str
    situacao: str


class Feriado(Frozen):
    """A holiday in the time of the timetable."""

    data: str
    descricao: str


class Cronograma(Frozen):
    """The timetable."""

    inicio: str
    inicio_por_extenso: str
    fim: str
    entrada_em_producao: str
    atividades: tuple[Atividade, ...]
    feriados: tuple[Feriado, ...]


class Assunto(Frozen):
    """One subject of the records plan."""

    codigo: str
    texto: str
    observacao: str
    nivel: int
    estrutural: bool
    corrente: str
    intermediaria: str
    destinacao: str


class Classificacao(Frozen):
    """The records plan and its counts."""

    assuntos: tuple[Assunto, ...]
    total: str
    eliminacao: str
    guarda_permanente: str


class Publico(Frozen):
    """An audience."""

    nome: str
    quem: str
    precisa_saber: str


class Mensagem(Frozen):
    """A message with its day."""

    data: str
    atividade: str
    publicos: str
    canal: str
    texto: str
    responsavel: str


class Comunicacao(Frozen):
    """Audiences, and messages in order."""

    publicos: tuple[Publico, ...]
    mensagens: tuple[Mensagem, ...]


class Words(Frozen):
    """Everything that one instrument of one prefeitura says; the parts that it does not need are not there."""

    instrumento: Instrumento
    programa: Programa
    municipio: Municipio
    assinaturas: dict[str, Assinatura]
    prefeitura: Prefeitura | None = None
    plano: Plano | None = None
    cronograma: Cronograma | None = None
    classificacao: Classificacao | None = None
    comunicacao: Comunicacao | None = None

    def tags(self, version: int, made_on: date) -> dict[str, JsonValue]:
        """The words by the names of the tags, with the stamp; `assinam` has the signatures in their order."""
        stamp = {"versao": number(version), "data": day(made_on), "data_por_extenso": long_day(made_on)}
        said = self.model_dump(mode="json", exclude_none=True)
        return said | {"instrumento": said["instrumento"] | stamp, "assinam": list(said["assinaturas"].values())}

    def digests(self) -> dict[str, str]:
        """The SHA-256 of each part: equal for equal words, whenever and wherever they are put together."""
        said = self.model_dump(mode="json", exclude_none=True)
        return {name: hashlib.sha256(_canonical(part)).hexdigest() for name, part in said.items()}


def instrument_words(instrument: Instrument) -> Instrumento:
    """Which document it is."""
    return Instrumento(titulo=instrument.title, versao_do_modelo=number(instrument.template_version))


def programme_words(programme: Programme) -> Programa:
    """The programme as documents call it."""
    return Programa(nome=programme.nome, gestor=programme.gestor, executor=programme.executor)


def municipality_words(municipality: Municipality) -> Municipio:
    """The municipality as documents call it."""
    return Municipio(
        nome=municipality.name,
        uf=municipality.uf,
        estado=STATES[municipality.uf],
        ibge=municipality.ibge,
        populacao=number(municipality.population),
        prefeitura=orgao_description(municipality),
    )


def signature_words(signer: Signer, municipality: Municipality) -> Assinatura:
    """Who signs, or a blank over the office.

    Raises:
        InvalidInputError: several contacts could sign.
    """
    found = signer.person_among(municipality.contacts)
    office, name = found or (signer, BLANK * 2)
    return Assinatura(nome=_printable(name), conhecida=found is not None, cargo=office.cargo, artigo=office.artigo)


def prefeitura_words(sheet: PrefeituraSheet) -> Prefeitura:
    """What the prefeitura told of itself, with blanks for the rest."""
    said = {name: getattr(sheet, name) for name in Prefeitura.model_fields}
    return Prefeitura(**{name: _printable(value) if value else BLANK for name, value in said.items()})


def plan_words(plan: Plan, environment_business_days: int) -> Plano:
    """The contracted plan."""
    return Plano(
        nome=plan.label,
        usuarios=number(plan.users),
        simultaneos=number(plan.concurrent_users),
        dias_uteis_ambiente=number(environment_business_days),
    )


def timetable_words(timetable: Timetable) -> Cronograma:
    """The timetable; an activity that moved tells where it was planned."""
    numbers = {window.code: str(place) for place, window in enumerate(timetable.windows, start=1)}
    live = timetable.window("entrada_em_producao")
    return Cronograma(
        inicio=day(timetable.start),
        inicio_por_extenso=long_day(timetable.start),
        fim=day(timetable.end),
        entrada_em_producao=day(live.end if live else timetable.end),
        atividades=tuple(_activity(window, numbers) for window in timetable.windows),
        feriados=tuple(map(_holiday, timetable.holidays)),
    )


def records_words(plan: RecordsPlan) -> Classificacao:
    """The records plan."""
    return Classificacao(
        assuntos=tuple(map(_subject, plan.subjects)),
        total=number(sum(not subject.structural for subject in plan.subjects)),
        eliminacao=number(plan.count(Destinacao.ELIMINACAO)),
        guarda_permanente=number(plan.count(Destinacao.GUARDA_PERMANENTE)),
    )


def communication_words(rule: CommunicationRule, messages: Sequence[DatedMessage]) -> Comunicacao:
    """The communication plan."""
    return Comunicacao(
        publicos=tuple(map(_audience, rule.audiences)),
        mensagens=tuple(
            Mensagem(
                data=day(message.day),
                atividade=message.activity,
                publicos="; ".join(message.audiences),
                canal=message.channel,
                texto=message.text,
                responsavel=message.responsible,
            )
            for message in messages
        ),
    )


def number(value: int) -> str:
    """`91.268`."""
    return f"{value:,}".replace(",", ".")


def day(value: date) -> str:
    """`07/01/2027`."""
    return f"{value:%d/%m/%Y}"


def long_day(value: date) -> str:
    """`7 de janeiro de 2027`; the first of a month is `1º`, as official documents write it."""
    of_month = "1º" if value.day == 1 else str(value.day)
    return f"{of_month} de {MONTHS[value.month - 1]} de {value.year}"


def _activity(window: Window, numbers: Mapping[str, str]) -> Atividade:
    state = "Concluída" if window.done else "Prevista"
    planned = f"{day(window.planned_start)} a {day(window.planned_end)}"
    return Atividade(
        numero=numbers[window.code],
        titulo=window.title,
        responsavel=window.responsible,
        entrega=window.delivers,
        dias_uteis=number(window.business_days),
        depois_de=", ".join(numbers[code] for code in window.after) or NO_RETENTION,
        inicio=day(window.start),
        fim=day(window.end),
        situacao=f"{state}; previsão inicial: {planned}" if window.moved else state,
    )


def _holiday(holiday: Holiday) -> Feriado:
    return Feriado(data=day(holiday.day), descricao=holiday.description)


def _subject(subject: Subject) -> Assunto:
    return Assunto(
        codigo=subject.code,
        texto=_printable(subject.text),
        observacao=_printable(subject.note),
        nivel=subject.level,
        estrutural=subject.structural,
        corrente=_years(subject.current_years, structural=subject.structural),
        intermediaria=_years(subject.intermediate_years, structural=subject.structural),
        destinacao=_DESTINATIONS[subject.destination] if subject.destination else "",
    )


def _audience(audience: Audience) -> Publico:
    return Publico(nome=audience.name, quem=audience.who, precisa_saber=audience.needs)


def _years(value: int | None, *, structural: bool) -> str:
    if structural:
        return ""
    if not value:
        return NO_RETENTION
    return "1 ano" if value == 1 else f"{value} anos"


def _printable(value: str) -> str:
    # XML has no place for control characters.
    return "".join(character for character in clean(value) if character.isprintable())


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
