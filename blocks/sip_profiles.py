"""SEI's permission profiles, which SIP keeps: their rights, and the menu items that they show (`sei.md` 2.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocks.counters import next_sequence_ids
from blocks.model_tables import FLAG
from blocks.sip import SEI_SYSTEM_ID
from domain.document_model.kinds import PERFIS
from domain.document_model.model import Key, Value, key_of, names_in
from domain.document_model.plan import Action, Row, Step

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

PATH = " > "
_FLAGS = {"coordenado": "sin_coordenado", "ativo": "sin_ativo", "dois_fatores": "sin_2_fatores"}


@dataclass(frozen=True)
class MenuItem:
    """A menu item by its ids, and the right that it needs."""

    menu: int
    item: int
    right: str


@dataclass(frozen=True)
class SipContents:
    """What SIP knows of SEI's profiles."""

    profiles: dict[Key, Row]
    rights: dict[str, int]
    menus: dict[str, MenuItem]
    missing: frozenset[str]

    @property
    def menu_right(self) -> dict[str, str]:
        """The right behind each menu item."""
        return {path: item.right for path, item in self.menus.items()}


def read_profiles(cursor: "Cursor", *, lock: bool = False) -> SipContents:
    """The profiles of SEI with their rights and menu items, and all that there are to choose from."""
    if lock:
        cursor.execute("SELECT id_perfil FROM perfil WHERE id_sistema = %s FOR UPDATE", (SEI_SYSTEM_ID,))
    rights = _read_rights(cursor)
    menus = _read_menus(cursor, {row_id: name for name, row_id in rights.items()})
    paths = {(item.menu, item.item): path for path, item in menus.items()}
    names = {row_id: name for name, row_id in rights.items()}
    missing = _missing(cursor)
    flags = {field: column for field, column in _FLAGS.items() if field not in missing}
    cursor.execute(
        f"SELECT id_perfil, nome, descricao, {', '.join(flags.values())} FROM perfil WHERE id_sistema = %s"
        " ORDER BY id_perfil",
        (SEI_SYSTEM_ID,),
    )
    fetched = cursor.fetchall()
    granted = _read_granted(cursor)
    cursor.execute(
        "SELECT id_perfil, id_menu, id_item_menu FROM rel_perfil_item_menu WHERE id_sistema = %s", (SEI_SYSTEM_ID,)
    )
    menu_items: dict[int, set[str]] = {}
    for profile, menu, item in cursor.fetchall():
        if (menu, item) in paths:
            menu_items.setdefault(int(profile), set()).add(paths[menu, item])
    profiles: dict[Key, Row] = {}
    for row_id, nome, descricao, *values in fetched:
        fields: dict[str, Value] = {
            "nome": str(nome),
            "descricao": str(descricao) if descricao else None,
            **{field: FLAG.get(str(value)) for field, value in zip(flags, values, strict=True)},
            "recursos": tuple(sorted(names[right] for right in granted.get(int(row_id), ()) if right in names)),
            "menus": tuple(sorted(menu_items.get(int(row_id), ()))),
        }
        profiles[key_of(PERFIS, fields)] = Row(int(row_id), fields)
    return SipContents(profiles, rights, menus, missing)


def write_profiles(cursor: "Cursor", steps: Sequence[Step], contents: SipContents) -> None:
    """Carry out the plan's steps on profiles, in the caller's transaction."""
    created = [step for step in steps if step.action is Action.CREATE]
    ids = {step.key: step.row.id for step in steps if step.row is not None}
    if created:
        ids |= zip((step.key for step in created), next_sequence_ids(cursor, "perfil", len(created)), strict=True)
    granted: dict[int, Mapping[str, Value]] = {}
    for step in steps:
        wanted = {name: new for name, (_, new) in step.changed.items()}
        if step.action is Action.CREATE:
            _insert_profile(cursor, ids[step.key], wanted, contents)
        elif step.row is not None:
            _update_profile(cursor, step.row.id, wanted)
        if step.key in ids and {"recursos", "menus"} & set(wanted):
            granted[ids[step.key]] = {**(step.row.fields if step.row else {}), **wanted}
    if granted:
        _replace_rights(cursor, granted, contents)


def _missing(cursor: "Cursor") -> frozenset[str]:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'perfil'"
    )
    present = {str(row[0]) for row in cursor.fetchall()}
    return frozenset(field for field, column in _FLAGS.items() if column not in present)


def _read_rights(cursor: "Cursor") -> dict[str, int]:
    # One row for all: a driver in Python takes longer over 1,500 rows than the server.
    cursor.execute(
        "SELECT GROUP_CONCAT(CONCAT(nome, ':', id_recurso)) FROM recurso WHERE id_sistema = %s AND sin_ativo = 'S'",
        (SEI_SYSTEM_ID,),
    )
    row = cursor.fetchone()
    pairs = [pair.rpartition(":") for pair in str(row[0]).split(",")] if row and row[0] else []
    return {name: int(row_id) for name, _, row_id in pairs}


def _read_menus(cursor: "Cursor", rights: Mapping[int, str]) -> dict[str, MenuItem]:
    """Menu items with a right, by the way to them; two of one way are told apart by their right."""
    cursor.execute(
        "SELECT id_menu, id_item_menu, id_menu_pai, id_item_menu_pai, id_recurso, rotulo FROM item_menu"
        " WHERE id_sistema = %s ORDER BY id_menu, id_item_menu",
        (SEI_SYSTEM_ID,),
    )
    rows = {
        (int(menu), int(item)): (above, above_item, right, str(label))
        for menu, item, above, above_item, right, label in cursor.fetchall()
    }
    found: dict[str, MenuItem] = {}
    for (menu, item), (_, _, right, _) in rows.items():
        if right is None or int(right) not in rights:
            continue
        way: list[str] = []
        place: tuple[int, int] | None = (menu, item)
        while place is not None and place in rows and len(way) < len(rows):
            above, above_item, _, label = rows[place]
            way.insert(0, label)
            place = (int(above), int(above_item)) if above is not None and above_item is not None else None
        path = PATH.join(way)
        name = path if path not in found else f"{path} ({rights[int(right)]})"
        found[name] = MenuItem(menu, item, rights[int(right)])
    return found


def _read_granted(cursor: "Cursor") -> dict[int, set[int]]:
    cursor.execute(
        "SELECT id_perfil, GROUP_CONCAT(id_recurso) FROM rel_perfil_recurso WHERE id_sistema = %s GROUP BY id_perfil",
        (SEI_SYSTEM_ID,),
    )
    return {int(profile): {int(right) for right in str(rights).split(",")} for profile, rights in cursor.fetchall()}


def _insert_profile(cursor: "Cursor", profile: int, wanted: Mapping[str, Value], contents: SipContents) -> None:
    present = {field: column for field, column in _FLAGS.items() if field not in contents.missing}
    flags = {column: "S" if wanted.get(field) else "N" for field, column in present.items()}
    names = ["id_perfil", "id_sistema", "nome", "descricao", *flags]
    cursor.execute(
        f"INSERT INTO perfil ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})",
        (profile, SEI_SYSTEM_ID, str(wanted["nome"]), wanted.get("descricao"), *flags.values()),
    )


def _update_profile(cursor: "Cursor", profile: int, wanted: Mapping[str, Value]) -> None:
    assigned: dict[str, Value] = {
        _FLAGS.get(field, field): ("S" if value else "N") if field in _FLAGS else value
        for field, value in wanted.items()
        if field in {"nome", "descricao", *_FLAGS}
    }
    if assigned:
        cursor.execute(
            f"UPDATE perfil SET {', '.join(f'{column} = %s' for column in assigned)}"
            " WHERE id_perfil = %s AND id_sistema = %s",
            (*assigned.values(), profile, SEI_SYSTEM_ID),
        )


def _replace_rights(cursor: "Cursor", granted: Mapping[int, Mapping[str, Value]], contents: SipContents) -> None:
    """Give each profile its rights and menu items. Menu items point at rights: they go first and come last."""
    marks = ", ".join(["%s"] * len(granted))
    for table in ("rel_perfil_item_menu", "rel_perfil_recurso"):
        cursor.execute(
            f"DELETE FROM {table} WHERE id_perfil IN ({marks}) AND id_sistema = %s", (*granted, SEI_SYSTEM_ID)
        )
    cursor.executemany(
        "INSERT INTO rel_perfil_recurso (id_perfil, id_sistema, id_recurso) VALUES (%s, %s, %s)",
        [
            (profile, SEI_SYSTEM_ID, contents.rights[name])
            for profile, fields in granted.items()
            for name in names_in(fields["recursos"])
        ],
    )
    shown = [
        (profile, contents.menus[path]) for profile, fields in granted.items() for path in names_in(fields["menus"])
    ]
    cursor.executemany(
        "INSERT INTO rel_perfil_item_menu (id_perfil, id_sistema, id_menu, id_item_menu, id_recurso)"
        " VALUES (%s, %s, %s, %s, %s)",
        [(profile, SEI_SYSTEM_ID, item.menu, item.item, contents.rights[item.right]) for profile, item in shown],
    )
