"""Using a SEI that is closed to its users as one of them would, and leaving nothing behind."""

from blocks.paperwork import count_paperwork, give_back_numbers
from blocks.use_test import test_use
from domain.go_live import Evidence, lacking, proved
from domain.paperwork import Paperwork
from domain.person import TECHNICAL_LOGIN
from tasks import clock, doors
from tasks.instance import Instance


def prove_use(instance: Instance) -> Evidence:
    """Sign in with the technical account, whom maintenance lets in, and do what a person does; then undo it all."""
    password = doors.environment_secrets(instance.name.slug).probe_password
    if password is None:
        return lacking("a senha da conta técnica ainda não foi gerada: execute a criação do ambiente de novo")
    before: list[Paperwork] = []  # what a test that was cut off had left is no longer in it
    used = test_use(
        doors.runtime().address(instance.name),
        TECHNICAL_LOGIN,
        password,
        clock.now(),
        when_cleared=lambda: before.append(count_paperwork(instance.server, instance.name.database_sei)),
    )
    give_back_numbers(instance.server, instance.name.database_sei)
    if not used.ok:
        return lacking(used.evidence)
    left = count_paperwork(instance.server, instance.name.database_sei).changes_since(before[0])
    return lacking(f"o teste deixou {', '.join(left)}") if left else proved(used.evidence)
