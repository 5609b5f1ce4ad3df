"""Says whether a new release may serve: measures it, holds it to rules, and writes down why."""

from configs.assistant_config import GateConfig as GateLimits
from training.gate.changes import Changes, changes
from training.gate.gate import judge
from training.gate.golden import GOLDEN_FILE, read_golden
from training.gate.measured import Asked, Measured, Promised
from training.gate.measurement import measure
from training.gate.report import write_gate_report
from training.gate.verdict import Reason, Rule, Verdict

__all__ = [
    "GOLDEN_FILE",
    "Asked",
    "Changes",
    "GateLimits",
    "Measured",
    "Promised",
    "Reason",
    "Rule",
    "Verdict",
    "changes",
    "judge",
    "measure",
    "read_golden",
    "write_gate_report",
]
