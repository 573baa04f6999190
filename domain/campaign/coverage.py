"""The canaries: few environments that together hold whatever kind of thing comes later.

A set cover, greedily: each time whoever adds the most for what it costs. It takes at most H(n) times as many as the
fewest possible, n being the most kinds that one choice holds (Chvátal 1979; H(4) = 2.1, H(10) = 2.9).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

from domain.campaign.facts import EnvironmentFacts
from domain.environment import Purpose

Trait = tuple[str, str]
"""A kind of thing and its value: `("faixa", "1")`."""


def traits_of(environment: EnvironmentFacts) -> frozenset[Trait]:
    """What may make an upgrade go otherwise here than elsewhere."""
    return frozenset(
        {
            ("faixa", str(environment.faixa or "negociada")),
            ("parâmetros", environment.parameters_digest),
            ("versão inicial", environment.version),
            *((f"módulo {name}", version) for name, version in environment.modules.items()),
        }
    )


def traits_held(environments: Iterable[EnvironmentFacts]) -> frozenset[Trait]:
    """Everything that these hold together."""
    return frozenset().union(*map(traits_of, environments))


def siblings_of(environments: Iterable[EnvironmentFacts]) -> dict[str, tuple[EnvironmentFacts, ...]]:
    """The environments of each municipality that come before its production."""
    found: dict[str, list[EnvironmentFacts]] = defaultdict(list)
    for environment in environments:
        if environment.purpose is not Purpose.PRODUCAO:
            found[environment.municipality].append(environment)
    return {municipality: tuple(ones) for municipality, ones in found.items()}


def choose_canaries(
    environments: Iterable[EnvironmentFacts], needed: Set[Trait], siblings: Mapping[str, tuple[EnvironmentFacts, ...]]
) -> dict[str, str]:
    """The chosen ones and why each, in the order of choice; equal for equal arguments.

    A production brings its municipality's other environments along, which go before it: it costs as many as they are.
    Of equals the one with no production's risk, then the shorter upgrade.
    """
    options: dict[tuple[frozenset[Trait], int], tuple[tuple[bool, float, str], tuple[EnvironmentFacts, ...]]] = {}
    for environment in environments:
        production = environment.purpose is Purpose.PRODUCAO
        group = (environment, *(siblings.get(environment.municipality, ()) if production else ()))
        predicted = environment.rehearsal.predicted_minutes if environment.rehearsal else 0.0
        option = (production, predicted, environment.slug), group
        # Who holds the same at the same cost differs only in what decides between equals.
        key = traits_held(group) & needed, len(group)
        options[key] = min(options.get(key, option), option, key=lambda one: one[0])
    missing, chosen = set(needed), dict[str, str]()
    while missing:
        gains = [(len(held & missing) / cost, rank, group) for (held, cost), (rank, group) in options.items()]
        best = max((gain for gain, *_ in gains), default=0.0)
        if not best:
            break  # nobody here holds the rest
        _, (first, *companions) = min(((r, g) for gain, r, g in gains if gain == best), key=lambda one: one[0])
        new = sorted(missing & traits_held([first, *companions]))
        chosen[first.slug] = f"canário: tem {', '.join(f'{kind} {value}' for kind, value in new)}"
        for companion in companions:
            chosen.setdefault(companion.slug, f"canário: vem antes de {first.slug}, do mesmo município")
        missing -= set(new)
    return chosen
