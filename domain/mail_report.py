"""What one round of the mail did, for operators."""

from typing import Self

from pydantic import AwareDatetime, Field, NonNegativeInt

from domain.errors import kind_of
from domain.model import Frozen
from domain.report import table_cell


class Trouble(Frozen):
    """A message that somebody has to look after."""

    key: str
    reason: str
    exit_code: int


class MailReport(Frozen):
    """What one round of the mail did. Keys and counts only."""

    taken_at: AwareDatetime
    sent: tuple[str, ...] = Field(default=(), description="Keys of the messages that everybody has by now.")
    letters: NonNegativeInt = Field(default=0, description="How many the mail server took in this round.")
    refused: NonNegativeInt = Field(default=0, description="Addresses that it refused for good in this round.")
    postponed: tuple[str, ...] = Field(default=(), description="Keys of what will be tried again.")
    unaddressed: tuple[str, ...] = Field(default=(), description="Those of them for which there is nobody to write to.")
    expired: tuple[str, ...] = Field(default=(), description="Keys of what did not go out while it was worth it.")
    returned: NonNegativeInt = Field(default=0, description="Letters that came back in this round as undeliverable.")
    unread: str | None = Field(default=None, description="Why the mailbox of what comes back could not be read.")
    outage: str | None = Field(default=None, description="Why the mail server took nothing more.")
    troubles: tuple[Trouble, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was due."""
        return not (self.sent or self.postponed or self.expired or self.troubles or self.returned or self.unread)

    def with_returns(self, returned: int, troubles: tuple[Trouble, ...], unread: str | None) -> Self:
        """The same round, and what the mailbox of returns told in it."""
        return self.model_copy(update={"returned": returned, "troubles": (*self.troubles, *troubles), "unread": unread})

    def summary(self) -> str:
        """One line."""
        parts = [f"{len(self.sent)} mensagens enviadas ({self.letters} e-mails)"]
        if self.postponed:
            parts.append(f"{len(self.postponed)} adiadas")
        if self.expired:
            parts.append(f"{len(self.expired)} vencidas, que não saem mais")
        if self.refused:
            parts.append(f"{self.refused} endereços recusados")
        if self.returned:
            parts.append(f"{self.returned} devolvidos: não chegaram")
        return ", ".join(parts)

    def markdown(self) -> str:
        """What operators read."""
        lines = ["# Correio", "", f"{self.summary()}.", ""]
        if self.outage:
            lines += [f"**O servidor de e-mail não atendeu:** {self.outage}", ""]
        if self.unread:
            lines += [f"**A caixa de retornos não foi lida:** {self.unread}", ""]
        lines += ["| Mensagem | Resultado |", "|---|---|"]
        lines += [f"| {trouble.key} | **atenção**: {table_cell(trouble.reason)} |" for trouble in self.troubles]
        lines += [
            f"| {key} | {'sem ninguém a quem escrever; ' if key in self.unaddressed else ''}adiada |"
            for key in self.postponed
        ]
        lines += [f"| {key} | venceu antes de sair |" for key in self.expired]
        lines += [f"| {key} | enviada |" for key in self.sent]
        return "\n".join(lines)

    def raise_if_somebody_must_act(self) -> None:
        """Fail the round when waiting does not help: an address that was refused, a template that is wrong.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        if not self.troubles:
            return
        first = self.troubles[0]
        rest = f" (e mais {len(self.troubles) - 1})" if len(self.troubles) > 1 else ""
        raise kind_of(max(trouble.exit_code for trouble in self.troubles))(
            f"{len(self.troubles)} mensagens precisam de atenção: {first.reason}{rest}",
            ", ".join(trouble.key for trouble in self.troubles),
            "Veja o artefato correio e ./implanta message list MUNICÍPIO.",
        )
