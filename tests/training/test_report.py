import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager
from PIL import Image

from configs import Example
from configs.assistant_config import Method
from nlu.intent import IntentClassifier
from nlu.scope import ScopeScorer
from nlu.tagging import TagSet
from training.fit import Fitted, HeldOut
from training.intent_trainer import Epoch
from training.metrics import Bin, Confusion
from training.pictures import draw_confusion, font_for
from training.report import IntentReport, measure_intents, write_report

NAN = float("nan")
LN3, LN9 = float(np.log(3.0)), float(np.log(9.0))
CURVE = (
    Epoch(number=0, train_loss=NAN, validation_loss=0.9, validation_accuracy=0.5),
    Epoch(number=1, train_loss=1.2, validation_loss=0.4, validation_accuracy=0.75),
    Epoch(number=2, train_loss=0.8, validation_loss=0.6, validation_accuracy=0.75),
)
PICTURES = {"learning_curve.png": (700, 400), "reliability.png": (500, 500), "confusion.png": None}


def examples(*intents: str) -> list[Example]:
    return [Example(text=f"text {n}", intent=intent, path=Path("nlu.yml"), line=n) for n, intent in enumerate(intents)]


def fitted(
    classifier: IntentClassifier,
    logits: np.ndarray,
    held: list[Example],
    *,
    curve: tuple[Epoch, ...] = CURVE,
    learned_count: int = 40,
    method: Method = Method.FULL,
) -> Fitted:
    unused: Any = None
    return Fitted(
        encoder=unused,
        classifier=classifier,
        scope=ScopeScorer(centres=np.zeros((1, 2), np.float32), weights=(1.0, 1.0, 0.0), reference=np.zeros(0)),
        tags=TagSet(()),
        held_out=HeldOut(
            examples=tuple(held),
            places=np.arange(len(held)),
            classes=np.array([classifier.labels.index(example.intent) for example in held], np.int64),
            logits=logits,
            scope_scores=np.ones(len(held)),
            nearness=np.ones(len(held)),
        ),
        curve=curve,
        method=method,
        learned_count=learned_count,
        fit_s=12.0,
    )


def measured() -> IntentReport:
    """Four messages: greet and bye right at 3/4, bye right at 9/10, greet taken for bye at 9/10."""
    logits = np.array([[LN3, 0.0], [0.0, LN3], [0.0, LN9], [0.0, LN9]], np.float32)
    held = examples("greet", "bye", "bye", "greet")
    return measure_intents(fitted(IntentClassifier(["greet", "bye"]), logits, held), None)


def untested() -> IntentReport:
    """A training that could not set anything aside."""
    curve = tuple(replace(epoch, validation_loss=NAN, validation_accuracy=NAN) for epoch in CURVE)
    logits = np.zeros((0, 2), np.float32)
    return measure_intents(fitted(IntentClassifier(["greet", "bye"]), logits, [], curve=curve, learned_count=3), None)


def assert_drawn(path: Path, size: tuple[int, int] | None) -> None:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert size is None or picture.size == size
        assert min(picture.size) >= 300
        grey = np.asarray(picture.convert("L"))
    assert grey.std() > 5
    assert 0.005 < (grey < 200).mean() < 0.9


def test_every_figure_of_a_case_by_hand() -> None:
    report = measured()

    assert (report.train_count, report.validation_count) == (40, 4)
    assert report.accuracy == 0.75
    assert report.frozen_accuracy == 0.5
    # greet: precision 1, recall 1/2, so 2/3; bye: precision 2/3, recall 1, so 4/5.
    assert report.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    # Two at 0.75 all right, gap 0.25; two at 0.9 half right, gap 0.4.
    assert report.ece == pytest.approx((2 * 0.25 + 2 * 0.4) / 4, abs=1e-6)
    assert report.bins == (
        Bin(count=2, confidence=pytest.approx(0.75), accuracy=1.0),
        Bin(count=2, confidence=pytest.approx(0.9), accuracy=0.5),
    )
    assert report.confusions == (Confusion(true="greet", predicted="bye", count=1),)
    assert report.best_epoch == 1
    assert (report.true, report.predicted) == (("greet", "bye", "bye", "greet"), ("greet", "bye", "bye", "bye"))


def test_confidences_are_measured_at_the_temperature() -> None:
    logits = np.array([[LN9, 0.0]], np.float32)
    classifier = IntentClassifier(["greet", "bye"], temperature=2.0)

    report = measure_intents(fitted(classifier, logits, examples("greet")), None)

    assert report.temperature == 2.0
    assert report.ece == pytest.approx(0.25, abs=1e-6)  # 9/10 at T = 1 is 3/4 at T = 2


@pytest.mark.parametrize(
    ("method", "best"), [(Method.AUTO, 0), (Method.HEAD, 0), (Method.FULL, 2), (Method.LORA, 2), (Method.BITFIT, 2)]
)
def test_the_best_epoch_is_the_one_the_method_may_take(method: Method, best: int) -> None:
    curve = (replace(CURVE[0], validation_loss=0.1), CURVE[0], replace(CURVE[2], validation_loss=0.2))
    logits = np.array([[LN9, 0.0]], np.float32)
    made = fitted(IntentClassifier(["greet", "bye"]), logits, examples("greet"), curve=curve, method=method)

    report = measure_intents(made, None)

    assert (report.method, report.best_epoch) == (method.value, best)


@pytest.mark.parametrize("make", [measured, untested])
def test_a_report_is_strict_json_with_pictures_that_show_something(tmp_path: Path, make: object) -> None:
    report = make()

    write_report(report, tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.md", *PICTURES}
    facts = json.loads(
        (tmp_path / "report.json").read_text("utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON")
    )
    assert facts["accuracy"] == (report.accuracy if report.validation_count else None)
    assert [epoch["number"] for epoch in facts["curve"]] == [0, 1, 2]
    assert facts["curve"][0]["train_loss"] is None
    assert "true" not in facts
    for name, size in PICTURES.items():
        assert_drawn(tmp_path / name, size)


def test_the_page_says_the_figures_and_shows_the_pictures(tmp_path: Path) -> None:
    write_report(measured(), tmp_path)

    page = (tmp_path / "report.md").read_text("utf-8")
    for line in (
        "| examples learned from | 40 |",
        "| right intent first | 75.0% |",
        "| the same, frozen encoder + logistic regression | 50.0% |",
        "| macro F1 | 0.733 |",
        "| expected calibration error | 0.325 |",
        "| method | full |",
        "| best epoch | 1 |",
        "| serves in | float32: It was asked for. |",
        "| fine-tuning | 12 s |",
        "| 1 | 1.200 | 0.400 | 75.0% |",
        "| greet | bye | 1 |",
    ):
        assert line in page.splitlines()
    assert all(f"![]({name})" in page for name in PICTURES)


@pytest.mark.parametrize("make", [measured, untested])
def test_the_page_has_no_nan_for_what_was_not_measured(tmp_path: Path, make: object) -> None:
    write_report(make(), tmp_path)

    assert "nan" not in (tmp_path / "report.md").read_text("utf-8")


def test_many_intents_with_long_names_can_be_drawn(tmp_path: Path) -> None:
    names = [f"intent_with_quite_a_long_name_{number}" for number in range(30)]
    true, predicted = names * 2, names + names[1:] + names[:1]
    rows = np.eye(30, dtype=np.float32)[[names.index(name) for name in predicted]] * 5
    report = measure_intents(fitted(IntentClassifier(names), rows, examples(*true)), None)

    write_report(report, tmp_path)

    assert len(report.confusions) == 30
    assert_drawn(tmp_path / "confusion.png", None)


@pytest.mark.parametrize("names", [("\u95ee\u5019", "\u518d\u89c1"), ("$\\frac$", "pay_$"), ("faq/\u00e4", "_")])
def test_no_intent_s_name_hinders_a_report(tmp_path: Path, names: tuple[str, str]) -> None:
    logits = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
    classifier = IntentClassifier(names)

    write_report(measure_intents(fitted(classifier, logits, examples(*names)), None), tmp_path)

    assert_drawn(tmp_path / "confusion.png", None)
    assert f"| {names[1]} | {names[0]} | 1 |" in (tmp_path / "report.md").read_text("utf-8")


GREETING, PARTING = "\u95ee\u5019", "\u518d\u89c1"


def chinese_font(path: Path, signs: str) -> Path:
    """A font, named as a well-known one, in which each of `signs` and the letters of `another` are a square."""
    drawn = sorted({*signs, *"another"})
    names = [".notdef", *(f"u{ord(sign):04X}" for sign in drawn)]
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 700), (800, 700), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(sign): name for sign, name in zip(drawn, names[1:], strict=True)})
    font.setupGlyf(dict.fromkeys(names, square))
    font.setupHorizontalMetrics(dict.fromkeys(names, (900, 100)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Noto Sans SC", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(path)
    return path


@pytest.fixture
def no_chinese_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fontManager, "ttflist", [font for font in fontManager.ttflist if font.name == "DejaVu Sans"])


@pytest.mark.usefixtures("no_chinese_font")
def test_names_that_no_font_can_draw_become_numbers(tmp_path: Path) -> None:
    draw_confusion([GREETING, PARTING], [PARTING, PARTING], [GREETING, PARTING], tmp_path / "chinese.png")
    draw_confusion(["1", "2"], ["2", "2"], ["1", "2"], tmp_path / "numbers.png")

    assert font_for([GREETING]) is None
    assert (tmp_path / "chinese.png").read_bytes() == (tmp_path / "numbers.png").read_bytes()


@pytest.mark.usefixtures("no_chinese_font")
def test_chinese_names_are_drawn_in_an_installed_font_that_has_all_their_signs(tmp_path: Path) -> None:
    fontManager.addfont(chinese_font(tmp_path / "chinese.ttf", GREETING + PARTING))

    found = font_for([GREETING, PARTING])
    draw_confusion([GREETING, PARTING], [PARTING, PARTING], [GREETING, PARTING], tmp_path / "confusion.png")
    draw_confusion(["1", "2"], ["2", "2"], ["1", "2"], tmp_path / "numbers.png")

    assert found is not None
    assert found.get_name() == "Noto Sans SC"
    assert_drawn(tmp_path / "confusion.png", None)
    assert (tmp_path / "confusion.png").read_bytes() != (tmp_path / "numbers.png").read_bytes()
    assert font_for([GREETING, "\u9000"]) is None


def test_letters_are_drawn_in_the_usual_font() -> None:
    found = font_for(["track_order", "gr\u00fc\u00dfen", "pay $ now"])

    assert found is not None
    assert found.get_name() == "DejaVu Sans"
