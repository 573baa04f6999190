"""How a prefeitura's people may differ between the directory, SIP and SEI, what mends it, and what one night found."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field, NonNegativeInt

from domain.errors import GateClosedError, IntegrityError, RetryableError
from domain.model import Frozen
from domain.report import first_of, sort_results

FEW = 2
"""So many closed accounts are no sign of a restored database, however small the prefeitura is."""


class Remedy(StrEnum):
    """What a machine does about a difference once a person said yes."""

    BLOCK = "bloquear a conta"
    OPEN = "desbloquear a conta"
    ACCOUNT = "criar ou corrigir a conta"
    REPLICATE = "replicar do SIP para o SEI"


class Kind(StrEnum):
    """What differs."""

    LEAVER_OPEN = "leaver_open"
    BARRED_OPEN = "barred_open"
    ACTIVE_BLOCKED = "active_blocked"
    ACCOUNT_MISSING = "account_missing"
    ACCOUNT_DIFFERS = "account_differs"
    SEI_MISSING = "sei_missing"
    SEI_INACTIVE = "sei_inactive"
    SEI_ACTIVE = "sei_active"
    SEI_DIFFERS = "sei_differs"
    CONTACT_DIFFERS = "contact_differs"
    CONTACT_MISSING = "contact_missing"
    SEI_ALONE = "sei_alone"
    OTHER_TYPE = "other_type"
    WITHOUT_ORIGIN = "without_origin"
    WITHOUT_PERMISSION = "without_permission"
    UNIT_CLOSED = "unit_closed"
    SUBUNITS_OUTSIDE = "subunits_outside"
    CPF_TWICE = "cpf_twice"
    COUNTER_BEHIND = "counter_behind"

    @property
    def label(self) -> str:
        """The kind as operators read it."""
        return _RULES[self].label

    @property
    def remedy(self) -> Remedy | None:
        """What a machine may do about it; None where only a person can."""
        return _RULES[self].remedy

    @property
    def advice(self) -> str:
        """What a person does where no machine may."""
        return _RULES[self].advice

    @property
    def is_worst(self) -> bool:
        """Whether somebody has to be called: who left can still sign in."""
        return self is Kind.LEAVER_OPEN


@dataclass(frozen=True)
class _Rule:
    label: str
    remedy: Remedy | None = None
    advice: str = ""
    """What a person does where no machine may."""


_RULES = {
    Kind.LEAVER_OPEN: _Rule("conta aberta de quem não está ativo no SIP", Remedy.BLOCK),
    Kind.BARRED_OPEN: _Rule("conta aberta de quem está bloqueado no SIP", Remedy.BLOCK),
    Kind.ACTIVE_BLOCKED: _Rule("conta bloqueada de quem está ativo no SIP", Remedy.OPEN),
    Kind.ACCOUNT_MISSING: _Rule("ativo no SIP e sem conta", Remedy.ACCOUNT),
    Kind.ACCOUNT_DIFFERS: _Rule("nome ou e-mail da conta difere do SIP", Remedy.ACCOUNT),
    Kind.SEI_MISSING: _Rule("com permissão no SIP e fora do SEI", Remedy.REPLICATE),
    Kind.SEI_INACTIVE: _Rule("ativo no SIP e inativo no SEI", Remedy.REPLICATE),
    Kind.SEI_ACTIVE: _Rule("inativo no SIP e ativo no SEI", Remedy.REPLICATE),
    Kind.SEI_DIFFERS: _Rule("login ou nome no SEI difere do SIP", Remedy.REPLICATE),
    Kind.CONTACT_DIFFERS: _Rule("CPF ou e-mail do contato no SEI difere do SIP", Remedy.REPLICATE),
    Kind.CONTACT_MISSING: _Rule(
        "no SEI sem contato", advice="Restaure o contato de uma cópia de segurança ou chame o suporte do SEI."
    ),
    Kind.SEI_ALONE: _Rule(
        "interno no SEI e fora do SIP", advice="Confira se o SIP foi restaurado; senão, desative o usuário no SEI."
    ),
    Kind.OTHER_TYPE: _Rule(
        "id que no SEI é de usuário de outro tipo",
        advice="Chame o suporte do SEI: os ids do SIP e do SEI se misturaram, e a replicação para nele.",
    ),
    Kind.WITHOUT_ORIGIN: _Rule(
        "sem id de origem no SIP",
        advice="Preencha a matrícula do usuário no SIP: sem o id de origem a replicação o pula.",
    ),
    Kind.WITHOUT_PERMISSION: _Rule(
        "ativo no SIP sem permissão em vigor",
        advice="Dê uma permissão na planilha de usuários, ou desative o usuário no SIP.",
    ),
    Kind.UNIT_CLOSED: _Rule(
        "permissão em unidade inativa ou fora da hierarquia",
        advice="Encerre a permissão no SIP, ou reative a unidade com a planilha de unidades.",
    ),
    Kind.SUBUNITS_OUTSIDE: _Rule(
        "permissão com subunidades em unidade fora da hierarquia",
        advice="Encerre a permissão ou tire dela as subunidades, no SIP: ela faz a carga de usuários (carregarUsuarios)"
        " falhar.",
    ),
    Kind.CPF_TWICE: _Rule(
        "dois usuários ativos no SIP com o mesmo CPF", advice="Desative no SIP o cadastro que a pessoa não usa."
    ),
    Kind.COUNTER_BEHIND: _Rule(
        "contador atrás do maior id",
        advice="Execute o script atualizar_sequencias.php do sistema: o próximo cadastro falharia.",
    ),
}


class Difference(Frozen):
    """One difference of one user, account or counter; nothing in it says who the person is."""

    kind: Kind
    who: str = Field(description="usuário 100000123; an account without user by a digest.")
    detail: str = ""
    obstacle: str = Field(default="", description="Why a machine cannot do what its kind's remedy is.")

    @property
    def remedy(self) -> Remedy | None:
        """What is done about it on approval; None where only a person can."""
        return None if self.obstacle else self.kind.remedy

    @property
    def to_do(self) -> str:
        """What mends it, as operators read it."""
        return self.obstacle or self.remedy or self.kind.advice

    @property
    def told(self) -> str:
        """The difference in one sentence."""
        return f"{self.who}: {self.kind.label}{f' ({self.detail})' if self.detail else ''}"


class Comparison(Frozen):
    """What was found of one environment."""

    environment: str
    code: str = Field(description="SHA-256 of what a mend would change.")
    accounts: NonNegativeInt
    open_accounts: NonNegativeInt
    sip_users: NonNegativeInt
    sei_users: NonNegativeInt
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Kind, int]:
        """How many differences of each kind, the worst kind first; kinds that were not found are left out."""
        found = Counter(difference.kind for difference in self.differences)
        return {kind: found[kind] for kind in Kind if found[kind]}

    @property
    def worst(self) -> int:
        """How many differences somebody has to be called for."""
        return sum(difference.kind.is_worst for difference in self.differences)

    def count(self, remedy: Remedy) -> int:
        """How many differences a remedy is for."""
        return sum(difference.remedy is remedy for difference in self.differences)

    @property
    def mendable(self) -> int:
        """How many differences a machine mends on approval."""
        return sum(difference.remedy is not None for difference in self.differences)

    def summary(self) -> str:
        """`7 diferenças, 4 delas com conserto…` in one line."""
        people = f"{self.accounts} contas, {self.sip_users} usuários no SIP, {self.sei_users} no SEI"
        if not self.differences:
            return f"nenhuma diferença ({people})"
        mends = "; ".join(f"{remedy.value}: {count}" for remedy in Remedy if (count := self.count(remedy)))
        return f"{len(self.differences)} diferenças, {self.mendable} com conserto automático" + (
            f" ({mends}); {people}" if mends else f"; {people}"
        )

    def require_reasonable(self) -> None:
        """Refuse to shut out most people: that many leave only when SIP was restored from an older backup.

        Raises:
            GateClosedError: a mend would block more than half of the open accounts.
        """
        blocked = self.count(Remedy.BLOCK)
        if blocked > FEW and blocked * 2 > self.open_accounts:
            raise GateClosedError(
                f"O conserto bloquearia {blocked} das {self.open_accounts} contas abertas",
                self.environment,
                "Confira se o SIP foi restaurado de uma cópia antiga e traga-o de volta; quem de fato saiu, tire pela"
                " planilha de usuários. Nada foi gravado.",
            )

    def raise_if_wrong(self) -> None:
        """Raise IntegrityError when who left can still sign in."""
        if self.worst:
            raise IntegrityError(
                f"{Kind.LEAVER_OPEN.label[0].upper()}{Kind.LEAVER_OPEN.label[1:]}: {self.worst}",
                self.environment,
                f"Veja as diferenças com ./implanta users reconcile {self.environment} e conserte com users mend.",
            )


class FleetComparison(Frozen):
    """One night's comparisons; `failures` says why of each environment that could not be compared."""

    comparisons: tuple[Comparison, ...]
    failures: dict[str, str]

    @classmethod
    def of(cls, results: Mapping[str, object]) -> "FleetComparison":
        """What came of each environment: a comparison, or the error for which there is none."""
        comparisons, failures = sort_results(results, Comparison)
        return cls(comparisons=comparisons, failures=failures)

    def raise_if_wrong(self) -> None:
        """Raise IntegrityError when who left can still sign in, RetryableError when somebody could not be compared."""
        open_doors = [
            f"{found.environment}: {found.worst} conta(s) aberta(s) de quem não está ativo no SIP"
            for found in self.comparisons
            if found.worst
        ]
        wrong = [*open_doors, *(f"{name} não foi comparado: {why}" for name, why in self.failures.items())]
        if wrong:
            kind = IntegrityError if open_doors else RetryableError
            raise kind(
                f"A conciliação dos usuários pede atenção em {len(wrong)} ambiente(s)",
                first_of(wrong),
                "Veja cada um com ./implanta users reconcile AMBIENTE.",
            )
