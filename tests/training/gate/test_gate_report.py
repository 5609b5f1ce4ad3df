"""The gate's page: what it says, that it needs nothing else, and that no one can write into it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from measured_releases import asked, noisy, release
from safetensors.numpy import save

from configs.bot_spec import BotSpec
from nlu.masking import regions_of
from training.gate import Changes, Measured, changes, judge, write_gate_report
from training.gate.comparing_rules import Both
from training.gate.drift import drift, two_sample_auc, words_of
from training.gate.report import confusion_rows, flips, intent_rows
from training.manifest import FileEntry, Release
from training.trainer import Trained

HOSTILE = "<script>alert(1)</script> call 4111 1111 1111 1111"


def page(tmp_path: Path, candidate: Measured, current: Measured | None, found: Changes | None = None) -> str:
    path = tmp_path / "report.html"
    write_gate_report(path, judge(candidate, current), candidate, current, found)
    return path.read_text("utf-8")


def two_releases() -> tuple[Measured, Measured]:
    random = np.random.default_rng(3)
    truth = random.random(200) < 0.9
    before = noisy(truth, 0.02, random)
    after = [
        asked(at, right=False, given=False, sure=0.4, intent="order") if question.intents == ("order",) else question
        for at, question in enumerate(before)
    ]
    after = [replace(new, id=old.id) for old, new in zip(before, after, strict=True)]
    return release(after), release(before, name="current")


def test_the_page_names_the_verdict_with_every_rule(tmp_path: Path) -> None:
    candidate, current = two_releases()
    verdict, written = judge(candidate, current), page(tmp_path, candidate, current)
    assert not verdict.passed
    assert "Does not pass." in written
    for reason in verdict.reasons:
        assert reason.sentence.replace("'", "&#39;").replace("<", "&lt;") in written
    assert written.count("✗ broken") == len(verdict.broken)


def test_a_first_release_has_a_page_too(tmp_path: Path) -> None:
    candidate = release([asked(1), asked(2)])
    written = page(tmp_path, candidate, None)
    assert "Passes the gate." in written
    assert "nothing to compare it with" in written
    assert "Questions that came out otherwise" not in written
    assert "Passes the gate." in page(tmp_path, release(()), None)


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    written = page(tmp_path, *two_releases())
    assert not re.findall(r"(?:src|href)=\"(?!data:)", written)
    assert "<script" not in written
    assert "default-src 'none'" in written
    assert written.count("data:image/png;base64,") == 2


def test_texts_are_masked_and_can_write_nothing_into_the_page(tmp_path: Path) -> None:
    before = [replace(asked(at), text=HOSTILE, intents=("<b>x",), said="<b>x") for at in range(3)]
    after = [replace(question, said="<i>y", right=False) for question in before]
    written = page(tmp_path, release(after), release(before, name="current"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt; call [card number]" in written
    assert "4111" not in written
    assert not re.search(r"<(?:script|b>x|i>y)", written)


def test_intents_confusions_and_flips_are_counted_by_question() -> None:
    before = [asked(1, intent="a"), asked(2, intent="a"), asked(3, intent="b", right=False), asked(4, intent="b")]
    after = [asked(1, intent="a", right=False), asked(2, intent="a"), asked(3, intent="b"), asked(4, intent="b")]
    both = Both(before=tuple(before), after=tuple(after))
    assert [(r.name, r.count, r.before, r.after, r.points) for r in intent_rows(both)] == [
        ("a", 2, 2, 1, -50.0),
        ("b", 2, 1, 2, 50.0),
    ]
    assert [(r.meant, r.taken_for, r.before, r.after) for r in confusion_rows(both)] == [
        ("a", "other", 0, 1),
        ("b", "other", 1, 0),
    ]
    found = flips(both, regions_of("en"))
    assert [(flip.meant, flip.lost) for flip in found] == [("a", True), ("b", False)]
    assert found[0].before == "a (90%), answers a"


def test_new_words_are_told_in_scripts_with_and_without_blanks() -> None:
    assert words_of("Wo ist mein Paket, 2 Tage?") == ["wo", "ist", "mein", "paket", "tage"]
    assert words_of("我要退货 now") == ["我要", "要退", "退货", "now"]
    found = drift([("red shoes", "a")], [("red shoes", "a"), ("red boots boots", "b")], None)
    assert found.new_words == (("boots", 2),)
    assert found.new_word_share == pytest.approx(2 / 5)
    assert found.mix == (("a", 1.0, 0.5), ("b", 0.0, 0.5))
    assert (found.mix_distance, found.auc) == (0.5, None)


def test_embeddings_that_moved_are_told_apart_and_others_are_not() -> None:
    random = np.random.default_rng(1)
    first, alike, moved = (random.normal(centre, 1, (120, 8)).astype(np.float32) for centre in (0, 0, 1.5))
    same, other = two_sample_auc(first, alike), two_sample_auc(first, moved)
    assert same is not None
    assert other is not None
    assert same == pytest.approx(0.5, abs=0.12)
    assert other > 0.95
    assert two_sample_auc(first[:5], moved) is None


@pytest.fixture
def changed(trained: Trained, tmp_path: Path) -> Release:
    """The trained release with other examples, one pair less, and another threshold; never verified."""
    folder = tmp_path / "releases" / "changed"
    folder.mkdir(parents=True)
    for path in trained.release.folder.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    lines = (folder / "examples.jsonl").read_text("utf-8").splitlines()
    new = [f'{{"text": "a quite new example {at}", "intent": "brand_new"}}' for at in range(20)]
    (folder / "examples.jsonl").write_text("\n".join([*lines[1:], *new]) + "\n", "utf-8")
    rows = np.ones((len(lines) + 19, trained.release.manifest.dimension), np.float16)
    (folder / "examples.safetensors").write_bytes(save({"plain": rows}))
    pairs = (folder / "knowledge.jsonl").read_text("utf-8").splitlines()
    (folder / "knowledge.jsonl").write_text("\n".join(pairs[1:]) + "\n", "utf-8")
    spec = BotSpec.from_json((folder / "assistant.json").read_bytes())
    policy = spec.policy.model_copy(update={"template_threshold": 0.9})
    (folder / "assistant.json").write_bytes(replace(spec, policy=policy).to_json())
    entry = FileEntry(bytes=0, sha256="0" * 64)
    manifest = trained.release.manifest.model_copy(update={"id": "changed"})
    return Release(folder=folder, manifest=manifest.model_copy(update={"files": {**manifest.files, "x": entry}}))


def test_what_changed_is_read_from_the_releases(trained: Trained, changed: Release, tmp_path: Path) -> None:
    before = trained.release
    without_record = Release(folder=tmp_path / "elsewhere" / before.id, manifest=before.manifest)
    without_record.folder.parent.mkdir()
    without_record.folder.symlink_to(before.folder)
    found = changes(without_record, changed)
    assert found.examples is not None
    assert (found.examples.added, found.examples.removed) == (20, 1)
    assert (found.pairs.before - found.pairs.after, found.pairs.removed) == (1, 1)
    assert list(found.settings) == ["policy"]
    assert found.drift is not None
    assert found.drift.mix[0][0] == "brand_new"
    assert ("quite", 20) in found.drift.new_words
    written = page(tmp_path, *two_releases(), found)
    assert "quite × 20" in written
    assert "template_threshold&#39;: 0.9" in written


def test_nothing_has_changed_between_a_release_and_itself(trained: Trained) -> None:
    found = changes(trained.release, trained.release)
    assert found.settings == {}
    assert found.drift is not None
    assert (found.drift.new_words, found.drift.mix_distance, found.drift.auc) == ((), 0.0, None)
