"""What the checks found, as one value, as JSON and as one HTML page that needs nothing else."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment

from training.data_checks.finding import Finding, Kind, Severity

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data of {{ report.assistant }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
article { border-left: .3rem solid; padding: .1rem 1rem; margin: 1rem 0; }
.error { border-color: #c62828; } .warning { border-color: #e69500; } .hint { border-color: #1976d2; }
summary { font-size: 1.2rem; font-weight: 600; cursor: pointer; }
ul { padding-left: 1.2rem; }
code { opacity: .75; }
p { margin: .4rem 0; }
</style>
<h1>Data of {{ report.assistant }}</h1>
<p>{{ report.summary }}</p>
{% for (severity, kind), findings in report.by_kind().items() %}
<details {{ "open" if severity != "hint" }}>
<summary>{{ severity }}: {{ kind }} ({{ findings | length }})</summary>
{% for finding in findings %}
<article class="{{ severity }}">
<p>{{ finding.message }}</p>
<ul>
{% for passage in finding.passages %}
<li>{{ passage.text }} <code>{{ passage.path }}:{{ passage.line }}\
{{ ", " ~ passage.intent if passage.intent }}</code></li>
{% endfor %}
</ul>
<p><strong>What to do:</strong> {{ finding.advice }}</p>
</article>
{% endfor %}
</details>
{% endfor %}
</html>
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReport:
    """All findings, the most important first, with nothing personal in them."""

    assistant: str
    example_count: int
    intent_count: int
    pair_count: int
    question_count: int
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> Mapping[Severity, int]:
        """Findings of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in Severity}

    @property
    def error_count(self) -> int:
        """Findings that are errors."""
        return self.counts[Severity.ERROR]

    @property
    def summary(self) -> str:
        """One sentence: what was found, in how much."""
        found = ", ".join(_counted(count, severity.value) for severity, count in self.counts.items())
        read = ", ".join(
            _counted(count, name)
            for count, name in (
                (self.example_count, "example"),
                (self.intent_count, "intent"),
                (self.pair_count, "past answer"),
                (self.question_count, "test question"),
            )
        )
        return f"{found}, in {read}."

    def by_kind(self) -> dict[tuple[Severity, Kind], list[Finding]]:
        """The findings in their order, grouped."""
        groups = groupby(self.findings, key=lambda finding: (finding.severity, finding.kind))
        return {key: list(findings) for key, findings in groups}


def write_json(report: DataReport, path: Path) -> None:
    """Writes the findings as JSON."""
    facts = {
        "assistant": report.assistant,
        "examples": report.example_count,
        "intents": report.intent_count,
        "pairs": report.pair_count,
        "questions": report.question_count,
        "counts": {severity.value: count for severity, count in report.counts.items()},
        "findings": [_facts(finding) for finding in report.findings],
    }
    path.write_text(json.dumps(facts, ensure_ascii=False, indent=1), "utf-8")


def write_html(report: DataReport, path: Path) -> None:
    """Writes the findings as a page to open in a browser."""
    path.write_text(_PAGE.render(report=report), "utf-8")


def _facts(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "message": finding.message,
        "advice": finding.advice,
        "passages": [
            {"file": str(p.path), "line": p.line, "intent": p.intent, "text": p.text} for p in finding.passages
        ],
    }


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"
