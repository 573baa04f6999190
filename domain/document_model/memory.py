"""What is remembered of one environment's model: what was applied last, and what was there before the first time."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.document_model.kinds import KINDS
from domain.document_model.model import Key, Model, Value
from domain.document_model.plan import Applied, Current, applied_now


@dataclass(frozen=True)
class Memory:
    """`applied` are the fields that the catalog decided last; `before` the keys that came with the release, by kind."""

    applied: Applied = field(default_factory=dict)
    before: Mapping[str, frozenset[Key]] = field(default_factory=dict)

    @property
    def was_applied(self) -> bool:
        """Whether an application ended well; what came with the release is remembered before the first one."""
        return any(self.applied.values())

    def after(self, wanted: Model, current: Current) -> "Memory":
        """What is to be remembered once `wanted` was applied to an instance that had `current` until then."""
        before = self.before or {kind.name: frozenset(current.get(kind.name, {})) for kind in KINDS}
        return Memory(applied_now(wanted, current), before)

    def dump(self) -> str:
        """The memory as JSON, equal for equal memories."""
        return json.dumps(
            {
                "applied": {
                    kind: [[list(key), dict(fields)] for key, fields in sorted(entries.items())]
                    for kind, entries in self.applied.items()
                },
                "before": {kind: sorted(list(key) for key in keys) for kind, keys in self.before.items()},
            },
            ensure_ascii=False,
            sort_keys=True,
        )

    @property
    def digest(self) -> str:
        """A code that is equal for equal memories."""
        return hashlib.sha256(self.dump().encode()).hexdigest()

    @classmethod
    def load(cls, text: str) -> "Memory":
        """The memory that `dump` wrote."""
        content = json.loads(text)
        return cls(
            applied={
                kind: {tuple(key): {name: _value(value) for name, value in fields.items()} for key, fields in entries}
                for kind, entries in content["applied"].items()
            },
            before={kind: frozenset(tuple(key) for key in keys) for kind, keys in content["before"].items()},
        )


def _value(value: object) -> Value:
    if isinstance(value, list):
        return tuple(str(part) for part in value)
    return value if value is None or isinstance(value, str | int) else str(value)
