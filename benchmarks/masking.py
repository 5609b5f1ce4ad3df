"""How much personal data is masked before anything is learned, and what is masked that is none.

    python benchmarks/masking.py [--quick]

Values are invented by the library Faker and by generators of our own, for the United States, the United Kingdom,
Germany, China, and the numbers of ten more states, written as people write them (bare, in groups, in full-width digits,
with an invisible character inside), and put into sentences in English, Chinese and German. Beside them stand sentences
that hold no personal data but look like it. Recall is the share of values of which no letter or digit is left; the
share that got the right placeholder is shown too. Precision of a kind is the share of its finds that touch a value.
The sentences are ours, and so is the masking: texts of others may hold forms that neither knows.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.masking_sources import sources
from benchmarks.measuring import Must, finish, progress
from benchmarks.personal_data import People, Sample
from nlu.masking import Find, Kind, find_private

REGIONS = ("US", "GB", "DE", "CN")
SAMPLES, QUICK_SAMPLES = 1_000, 60
MIN_CHECKED_RECALL = 0.99
SEED = 20_251_125


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SAMPLES} sentences of each kind: no musts")
    options = parser.parse_args()
    people = People(SEED)
    found: list[tuple[Sample, list[Find]]] = []
    given = sources(people)
    started = perf_counter()
    with progress() as bar:
        task = bar.add_task("masking", total=len(given))
        for source in given:
            samples = source.samples(QUICK_SAMPLES if options.quick else SAMPLES, people.choose)
            found += [(sample, find_private(sample.text, REGIONS)) for sample in samples]
            bar.advance(task)
    ms = 1e3 * (perf_counter() - started) / len(found)
    checked = frozenset(source.group for source in given if source.checked)
    return report(found, checked, ms, quick=options.quick)


def report(found: Sequence[tuple[Sample, list[Find]]], checked: frozenset[str], ms: float, *, quick: bool) -> int:
    """Counts, and writes everything down."""
    groups: dict[str, list[tuple[Sample, list[Find]]]] = defaultdict(list)
    for sample, finds in found:
        groups[sample.group].append((sample, finds))
    recalls = {name: recall(rows, name in checked) for name, rows in groups.items() if rows[0][0].kind is not None}
    alarms = {name: false_alarms(rows) for name, rows in groups.items() if rows[0][0].kind is None}
    precisions = precision(found)
    musts = [
        Must(name=f"recall, {name}", value=figures["recall"], limit=MIN_CHECKED_RECALL)
        for name, figures in recalls.items()
        if name in checked and not quick
    ]
    table = [("what stands there", "recall", "right placeholder"), *_shown(recalls)]
    table += [("", "", ""), ("no personal data", "masked wrongly", "as"), *_alarms_shown(alarms)]
    table += [("", "", ""), ("placeholder", "precision", "finds")]
    table += [(name, f"{figures['precision']:.4f}", f"{figures['finds']:,}") for name, figures in precisions.items()]
    figures = {"recall": recalls, "false_alarms": alarms, "precision": precisions, "ms_a_sentence": ms}
    return finish("masking-quick" if quick else "masking", table, figures, musts)


def recall(rows: Sequence[tuple[Sample, list[Find]]], is_checked: bool) -> dict[str, Any]:
    """The share of values of which nothing is left, and of those with their own placeholder."""
    gone = sum(_is_gone(sample, finds) for sample, finds in rows)
    right = sum(any(find.kind is sample.kind and _touches(sample, find) for find in finds) for sample, finds in rows)
    return {"values": len(rows), "recall": gone / len(rows), "right_kind": right / len(rows), "checksum": is_checked}


def false_alarms(rows: Sequence[tuple[Sample, list[Find]]]) -> dict[str, Any]:
    """The share of sentences in which something was masked that is nobody's, and as what."""
    wrong = [[find.kind for find in finds if find.kind not in sample.fair] for sample, finds in rows]
    kinds = Counter(str(kind) for found in wrong for kind in found)
    return {"sentences": len(rows), "share": sum(map(bool, wrong)) / len(rows), "as": dict(kinds)}


def precision(found: Sequence[tuple[Sample, list[Find]]]) -> dict[str, Any]:
    """For each kind, the share of its finds that touch a value, or are no false alarm where they stand."""
    good: Counter[Kind] = Counter()
    every: Counter[Kind] = Counter()
    for sample, finds in found:
        for find in finds:
            every[find.kind] += 1
            good[find.kind] += find.kind in sample.fair or (sample.kind is not None and _touches(sample, find))
    total = {"all": {"precision": good.total() / every.total(), "finds": every.total()}}
    return total | {str(kind): {"precision": good[kind] / count, "finds": count} for kind, count in every.items()}


def _is_gone(sample: Sample, finds: Sequence[Find]) -> bool:
    return all(
        any(find.start <= place < find.end for find in finds)
        for place in range(sample.start, sample.end)
        if sample.text[place].isalnum()
    )


def _touches(sample: Sample, find: Find) -> bool:
    return find.start < sample.end and sample.start < find.end


def _shown(recalls: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (name + (" *" if figures["checksum"] else ""), f"{figures['recall']:.4f}", f"{figures['right_kind']:.4f}")
        for name, figures in recalls.items()
    ]


def _alarms_shown(alarms: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (name, f"{figures['share']:.4f}", ", ".join(f"{kind} {count}" for kind, count in figures["as"].items()))
        for name, figures in alarms.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
