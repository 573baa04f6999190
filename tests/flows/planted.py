"""People's work and personal data put into an environment's databases, directory and repository, as use would.

Every planted value is written here only, so that a test can look for any of them anywhere.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from domain.account import Account
from tasks import doors
from tasks.instance import Instance

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

INCLUDED_AT = datetime(2026, 3, 5, 10, 30)  # noqa: DTZ001  # as SEI writes it
PUBLIC_FILE = b"ata publica da reuniao, assinada por Iracema Quaresma"
RESTRICTED_FILE = b"laudo medico de Iracema Quaresma, CPF 529.982.247-25"
BODY = "<p>Requer Iracema Quaresma, CPF 529.982.247-25, iracema.quaresma@correio.example, (31) 98765-4321.</p>"

# (id, login, name, CPF, e-mail); the second CPF starts with zeros, which a bigint loses.
SERVANTS = (
    (100000501, "iracema.quaresma", "Iracema Quaresma Valadares", 52998224725, "iracema.quaresma@correio.example"),
    (100000502, "t.zebulon", "Teófilo Zebulon Ibiapaba", 191, "teofilo.zebulon@correio.example"),
)
CITIZEN = (1000001, "anastacia@correio.example", "Anastácia Xerxes Umbuzeiro", 11144477735)
PHONES = ("(31) 98765-4321", "3133334444")
ADDRESS = "Rua dos Jequitibás Floridos 1234"

FORBIDDEN = (
    *(part for person in SERVANTS for part in (person[1], person[2], person[4], "Quaresma", "Zebulon", "Ibiapaba")),
    "52998224725",
    "529.982.247-25",
    "00000000191",
    "000.000.001-91",
    CITIZEN[1],
    CITIZEN[2],
    "Xerxes",
    "11144477735",
    "111.444.777-35",
    *PHONES,
    "98765-4321",
    ADDRESS,
    "Jequitibás",
)
"""Whatever must not survive in a neutralised copy."""


def insert(cursor: "Cursor", table: str, **values: object) -> None:
    """Add a row; columns that must not be null and were not given get a neutral value of their type.

    The reduced references lack some tables: nothing is planted there.
    """
    cursor.execute(
        "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s",
        (table,),
    )
    columns = cursor.fetchall()
    if not columns:
        return
    known = {str(name) for name, *_ in columns}
    row = {name: value for name, value in values.items() if name in known}
    for name, kind, nullable, default in columns:
        if name not in row and nullable == "NO" and default is None:
            row[str(name)] = _neutral(str(name), str(kind))
    names = ", ".join(row)
    cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(row))})", tuple(row.values()))


def _neutral(name: str, kind: str) -> object:
    if kind in {"datetime", "date", "timestamp"}:
        return INCLUDED_AT
    if kind in {"int", "bigint", "smallint", "tinyint", "decimal"}:
        return 0
    return "N" if name.startswith("sin_") else "0"


def plant(instance: Instance) -> None:
    """People, a public and a restricted process with text, signature and file, and every trace that they leave."""
    _plant_sip(instance)
    _plant_sei(instance)
    root = Path(doors.runtime().repository_path(instance.name))
    for id_anexo, content in ((9001, PUBLIC_FILE), (9002, RESTRICTED_FILE)):
        path = root / f"{INCLUDED_AT:%Y/%m/%d}" / str(id_anexo)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def plant_accounts(instance: Instance) -> SecretStr:
    """The servants' accounts in the directory, the first one with a password, which is returned."""
    accounts = [Account(uid=login, name=name, email=email) for _, login, name, _, email in SERVANTS]
    ssc = doors.ssc()
    ssc.ensure_users(instance.name, accounts)
    with ssc.inviting(instance.name) as inviter:
        first = inviter.give_password(accounts[0])
    own = SecretStr("senha-da-propria-pessoa-77")
    ssc.change_own_password(instance.name, accounts[0].uid, first, own)
    return own


def _plant_sip(instance: Instance) -> None:
    with instance.server.transaction(instance.name.database_sip) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        for user_id, login, name, cpf, email in SERVANTS:
            insert(
                cursor,
                "usuario",
                id_usuario=user_id,
                id_orgao=0,
                sigla=login,
                nome=name,
                nome_registro_civil=name,
                nome_social="Quaresma" if "iracema" in login else None,
                cpf=cpf,
                email=email,
                id_origem=login,
                sin_ativo="S",
            )
        insert(cursor, "infra_auditoria", id_infra_auditoria=1, nome_usuario=SERVANTS[0][2], requisicao=BODY)
        insert(cursor, "usuario_historico", id_usuario_historico=1, id_usuario=100000501, motivo=BODY)
        insert(cursor, "codigo_acesso", id_codigo_acesso="c1", id_usuario=100000501, email=SERVANTS[0][4])
        insert(cursor, "login", id_login="l1", id_usuario=100000501, http_client_ip="10.1.1.1", user_agent=BODY[:200])


def _plant_sei(instance: Instance) -> None:  # one row of each kind that people leave
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        people = [*SERVANTS, (CITIZEN[0], CITIZEN[1], CITIZEN[2], CITIZEN[3], CITIZEN[1])]
        for number, (user_id, login, name, cpf, email) in enumerate(people):
            insert(
                cursor,
                "contato",
                id_contato=700000 + number,
                id_contato_associado=700000 + number,
                id_tipo_contato=1 if number < len(SERVANTS) else 3,
                id_usuario_cadastro=2,
                nome=name,
                sigla=login,
                cpf=cpf,
                email=email,
                endereco=ADDRESS,
                telefone_celular=PHONES[0],
                telefone_comercial=PHONES[1],
                observacao=BODY,
                conjuge=name,
                rg=1234567,
                sta_natureza="F",
                sin_ativo="S",
                idx_contato=f"{login} {name.lower()}",
            )
            insert(
                cursor,
                "usuario",
                id_usuario=user_id,
                id_contato=700000 + number,
                id_orgao=0,
                sigla=login,
                nome=name,
                nome_registro_civil=name,
                id_origem=login,
                sta_tipo="0" if number < len(SERVANTS) else "3",
                senha=None if number < len(SERVANTS) else "h" * 60,
                sin_ativo="S",
                idx_usuario=f"{login} {name.lower()}",
            )
        cursor.execute("SELECT MIN(id_serie) FROM serie")
        (serie,) = cursor.fetchone() or (0,)
        cursor.execute("SELECT MIN(id_tipo_procedimento) FROM tipo_procedimento")
        (kind,) = cursor.fetchone() or (0,)
        common = {"id_unidade_geradora": 110000001, "id_usuario_gerador": 100000501, "sta_estado": "0"}
        for process, level in ((800000, "0"), (800010, "1")):
            formatted = f"99990.000{process}/2026-11"
            insert(
                cursor,
                "protocolo",
                id_protocolo=process,
                id_protocolo_agrupador=process,
                protocolo_formatado=formatted,
                protocolo_formatado_pesquisa=formatted.replace(".", ""),
                protocolo_formatado_pesq_inv=formatted[::-1],
                sta_protocolo="P",
                descricao=f"Licença de {SERVANTS[0][2]}",
                sta_nivel_acesso_local=level,
                sta_nivel_acesso_global=level,
                **common,
            )
            insert(cursor, "procedimento", id_procedimento=process, id_tipo_procedimento=kind)
            for offset, sort in ((1, "G"), (2, "R")):
                document = process + offset
                insert(
                    cursor,
                    "protocolo",
                    id_protocolo=document,
                    id_protocolo_agrupador=process,
                    protocolo_formatado=str(document),
                    protocolo_formatado_pesquisa=str(document),
                    protocolo_formatado_pesq_inv=str(document)[::-1],
                    sta_protocolo=sort,
                    descricao=f"de {CITIZEN[2]}",
                    sta_nivel_acesso_local=level,
                    sta_nivel_acesso_global=level,
                    **common,
                )
                insert(
                    cursor,
                    "documento",
                    id_documento=document,
                    id_procedimento=process,
                    id_serie=serie,
                    id_unidade_responsavel=110000001,
                    numero="Iracema Quaresma",
                    nome_arvore="Quaresma",
                    sta_documento="I" if sort == "G" else "X",
                )
                insert(cursor, "documento_conteudo", id_documento=document, conteudo=BODY, conteudo_assinatura=BODY)
            insert(
                cursor,
                "anexo",
                id_anexo=9001 if level == "0" else 9002,
                nome=f"Laudo de {SERVANTS[0][2]}.pdf",
                id_protocolo=process + 2,
                id_unidade=110000001,
                id_usuario=100000501,
                tamanho=len(PUBLIC_FILE if level == "0" else RESTRICTED_FILE),
                hash=hashlib.md5(PUBLIC_FILE if level == "0" else RESTRICTED_FILE).hexdigest(),
                dth_inclusao=INCLUDED_AT,
                sin_ativo="S",
            )
            insert(
                cursor,
                "assinatura",
                id_assinatura=process,
                id_documento=process + 1,
                id_usuario=100000501,
                id_unidade=110000001,
                nome=SERVANTS[0][2],
                tratamento=f"Sra. {SERVANTS[0][2]}",
                cpf=SERVANTS[0][3],
                p7s_base64=BODY,
                sin_ativo="S",
            )
            insert(cursor, "atividade", id_atividade=process, id_protocolo=process, id_tarefa=1)
            colleague = f"{SERVANTS[1][1]}¥{SERVANTS[1][2]}"
            attributes = (("USUARIO", colleague), ("DESCRICAO", BODY), ("DOCUMENTO", str(process + 1)))
            for position, (attribute, value) in enumerate(attributes):
                insert(
                    cursor,
                    "atributo_andamento",
                    id_atributo_andamento=process + position,
                    id_atividade=process,
                    nome=attribute,
                    valor=value,
                    id_origem="100000502",
                )
            for table, owner in (("anotacao", "id_protocolo"), ("comentario", "id_procedimento")):
                insert(cursor, table, **{f"id_{table}": process, owner: process, "descricao": BODY})
            insert(
                cursor, "observacao", id_observacao=process, id_protocolo=process, descricao=BODY, idx_observacao=BODY
            )
        unit, user, email = {"id_unidade": 110000001}, {"id_usuario": 100000501}, SERVANTS[0][4]
        insert(cursor, "secao_documento", id_secao_documento=1, id_documento=800001, conteudo=BODY)
        insert(cursor, "versao_secao_documento", id_versao_secao_documento=1, id_secao_documento=1, conteudo=BODY)
        insert(cursor, "infra_auditoria", id_infra_auditoria=1, nome_usuario=SERVANTS[0][2], operacao=BODY)
        insert(cursor, "infra_log", id_infra_log=1, texto_log=BODY)
        insert(cursor, "email_utilizado", id_email_utilizado=1, email=email, **unit)
        insert(cursor, "email_unidade", id_email_unidade=91, email=email, descricao="x", **unit)
        insert(cursor, "texto_padrao_interno", id_texto_padrao_interno=1, nome="Quaresma", conteudo=BODY, **unit)
        insert(cursor, "bloco", id_bloco=1, descricao=BODY[:200], idx_bloco="quaresma", **unit, **user)
        insert(cursor, "acompanhamento", id_acompanhamento=1, observacao=BODY, idx_acompanhamento="zebulon", **unit)
        insert(cursor, "feed", id_feed=1, conteudo=BODY)


def plant_module(instance: Instance) -> None:
    """A table of Tramita's module, with a secret in it."""
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS md_pen_parametro (nome varchar(100) PRIMARY KEY, valor longtext)"
            " ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci"
        )
        insert(cursor, "md_pen_parametro", nome="PEN_SENHA_CERTIFICADO_DIGITAL", valor="senha-do-certificado-pen")
