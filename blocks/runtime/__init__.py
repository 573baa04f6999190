"""Where the SEI application of an environment runs: one interface, and a host of each kind behind it."""

from blocks.runtime.compose import ComposeRuntime
from blocks.runtime.interface import (
    ApplicationRuntime,
    ApplicationServices,
    Configuration,
    Health,
    OpenedCopy,
    ScheduledTask,
    ScriptOutput,
    ServiceAddress,
)
from blocks.runtime.kubernetes import KubernetesRuntime
from blocks.runtime.lab import LabRuntime

__all__ = [
    "ApplicationRuntime",
    "ApplicationServices",
    "ComposeRuntime",
    "Configuration",
    "Health",
    "KubernetesRuntime",
    "LabRuntime",
    "OpenedCopy",
    "ScheduledTask",
    "ScriptOutput",
    "ServiceAddress",
]
