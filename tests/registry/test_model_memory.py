"""What the registry remembers of document models."""

from domain.change import Change
from domain.document_model.memory import Memory
from registry import Registry

MEMORY = Memory(
    applied={"titulos": {("DOUTORA",): {"expressao": "Doutora", "ativo": True, "abreviatura": None}}},
    before={"titulos": frozenset({("DOUTOR",)})},
)


def test_an_environment_without_a_model_has_an_empty_memory(registry: Registry) -> None:
    assert registry.model_memory("ninguem-treinamento") == Memory()
    assert registry.remember_model("ninguem-treinamento", Memory()) == Change(unchanged=1)


def test_the_newest_memory_counts_and_the_same_one_is_kept_once(registry: Registry) -> None:
    assert registry.remember_model("timoteo-treinamento", MEMORY) == Change(created=1)
    assert registry.remember_model("timoteo-treinamento", MEMORY) == Change(unchanged=1)
    assert registry.model_memory("timoteo-treinamento") == MEMORY
    newer = Memory({"titulos": {}}, MEMORY.before)
    assert registry.remember_model("timoteo-treinamento", newer) == Change(created=1)
    assert registry.model_memory("timoteo-treinamento") == newer
    assert registry.remember_model("timoteo-treinamento", MEMORY) == Change(created=1)
    assert registry.model_memory("timoteo-treinamento") == MEMORY
