"""What is remembered of each environment's document model: the newest row counts, the older ones are history."""

import zlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.change import Change
from domain.document_model.memory import Memory
from registry.models import ModelMemoryRow


def find_memory(session: Session, environment: str) -> Memory:
    """What was last applied to the environment; an empty memory before the first time."""
    row = _newest(session, environment)
    return Memory() if row is None else Memory.load(zlib.decompress(row.content).decode())


def remember(session: Session, environment: str, memory: Memory, now: datetime) -> Change:
    """Put a memory in force, unless it is."""
    row = _newest(session, environment)
    if (row.digest if row is not None else Memory().digest) == memory.digest:
        return Change(unchanged=1)
    content = zlib.compress(memory.dump().encode())
    session.add(ModelMemoryRow(environment=environment, digest=memory.digest, content=content, remembered_at=now))
    return Change(created=1)


def _newest(session: Session, environment: str) -> ModelMemoryRow | None:
    query = select(ModelMemoryRow).where(ModelMemoryRow.environment == environment)
    return session.scalar(query.order_by(ModelMemoryRow.id.desc()).limit(1))
