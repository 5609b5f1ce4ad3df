import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from configs import EncoderConfig
from configs.errors import AssistantError
from nlu.checkpoint import find_checkpoint
from nlu.encoder import Encoded
from nlu.mood import EMOTIONS, MoodError, MoodReader, MoodWeights, read_mood_weights
from nlu.torch_encoder import load_torch_encoder
from training.mood_trainer import (
    FOLDS,
    LABELS,
    PROBES,
    Embedded,
    MoodText,
    best_threshold,
    embed,
    emotion_figures,
    emotions_of,
    fit_mood,
    make_mood_weights,
    read_goemotions,
    read_messages,
    sentiment_figures,
    sentiment_of,
    write_mood_weights,
)

TESTS = Path(__file__).parents[1]
SERVICE = TESTS.parent / "training" / "data" / "service_messages.jsonl"
WORDS = ("hate", "annoying", "thanks", "urgent", "love", "table")
GOEMOTIONS = [
    ("hate", "anger"),
    ("annoying", "annoyance"),
    ("thanks", "gratitude"),
    ("love", "joy"),
    ("table", "neutral"),
]


class WordEncoder:
    """Counts six words, so that every mood is a direction of its own; a rest keeps rows at length 1."""

    dimension = len(WORDS) + 1

    def encode(self, texts: Sequence[str]) -> Encoded:
        rows = np.array([[*(text.split().count(word) for word in WORDS), 0.5] for text in texts], np.float32)
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return Encoded(plain=units, tuned=units, logits={})


def frozen(*labels: str) -> frozenset[str]:
    return frozenset(labels)


def write_csv(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    path.write_text("text,labels\n" + "".join(f"{text},{labels}\n" for text, labels in rows), "utf-8")
    return path


@pytest.fixture
def goemotions(tmp_path: Path) -> Path:
    folder = tmp_path / "goemotions"
    folder.mkdir()
    for part, count in (("train", 40), ("dev", 20), ("test", 10)):
        write_csv(folder / f"{part}.csv", [(f"{word} {n}", label) for word, label in GOEMOTIONS for n in range(count)])
    return folder


@pytest.fixture
def service(tmp_path: Path) -> Path:
    path = tmp_path / "service.jsonl"
    rows = [{"text": f"urgent {n}", "urgent": True, "sentiment": "neutral", "emotions": []} for n in range(FOLDS)]
    rows += [{"text": f"table {n}", "urgent": False, "sentiment": "neutral", "emotions": []} for n in range(FOLDS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize(
    ("labels", "sentiment"),
    [
        (frozen("joy"), "positive"),
        (frozen("joy", "neutral"), "positive"),
        (frozen("grief", "surprise"), "negative"),
        (frozen("neutral"), "neutral"),
        (frozen("curiosity", "confusion"), "neutral"),
        (frozen("love", "anger"), None),
    ],
)
def test_labels_become_a_sentiment(labels: frozenset[str], sentiment: str | None) -> None:
    assert sentiment_of(labels) == sentiment


@pytest.mark.parametrize(
    ("labels", "emotions"),
    [
        (frozen("anger"), frozen("anger")),
        (frozen("annoyance"), frozen("frustration")),
        (frozen("annoyance", "disgust"), frozen("anger", "frustration")),
        (frozen("disgust"), frozen()),
        (frozen("disappointment", "gratitude"), frozen("frustration", "gratitude")),
        (frozen("disapproval"), frozen()),
    ],
)
def test_labels_become_emotions(labels: frozenset[str], emotions: frozenset[str]) -> None:
    assert emotions_of(labels) == emotions


def test_there_are_twenty_seven_emotions_and_neutral() -> None:
    assert len(LABELS) == 28


def test_goemotions_is_read_with_several_labels_a_text(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "dev.csv", [('"so, thanks"', "gratitude|joy")])

    assert read_goemotions(path) == [
        MoodText(
            text="so, thanks", sentiment="positive", emotions=frozen("gratitude"), labels=frozen("gratitude", "joy")
        )
    ]


def test_an_unknown_label_names_file_and_line(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "dev.csv", [("good", "joy"), ("odd", "boredom")])

    with pytest.raises(MoodError, match=r"dev\.csv:3: unknown labels \['boredom'\]"):
        read_goemotions(path)


@pytest.mark.parametrize("content", [None, "text,mood\nhi,joy\n"])
def test_a_file_that_is_not_goemotions_is_refused(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "train.csv").write_text(content)

    with pytest.raises(MoodError, match="It needs the columns text and labels"):
        read_goemotions(tmp_path / "train.csv")


def test_messages_are_read_with_urgency_among_the_emotions(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(
        '{"text": "now", "urgent": true}\n{"text": "ta", "sentiment": "positive", "emotions": ["gratitude"]}'
    )

    assert read_messages(path) == [
        MoodText(text="now", sentiment=None, emotions=frozen("urgency")),
        MoodText(text="ta", sentiment="positive", emotions=frozen("gratitude")),
    ]


@pytest.mark.parametrize("wrong", [{"sentiment": "good"}, {"emotions": ["joy"]}])
def test_an_unknown_mood_of_a_message_names_file_and_line(tmp_path: Path, wrong: dict[str, object]) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(json.dumps({"text": "fine"}) + "\n" + json.dumps({"text": "odd"} | wrong))

    with pytest.raises(MoodError, match=r"messages\.jsonl:2: unknown mood"):
        read_messages(path)


def test_messages_that_are_not_json_are_refused(tmp_path: Path) -> None:
    (tmp_path / "messages.jsonl").write_text("{")

    with pytest.raises(AssistantError, match=r"messages\.jsonl:1"):
        read_messages(tmp_path / "messages.jsonl")


def test_the_best_threshold_of_a_case_by_hand() -> None:
    # Taking 0.9 gives F1 2/3, down to 0.6 it is 1/2, to 0.5 4/5, to 0.1 2/3: best between 0.5 and 0.1.
    found = best_threshold(np.array([0.5, 0.9, 0.1, 0.6]), np.array([True, True, False, False]), np.ones(4))

    assert found == pytest.approx(0.3)


def test_weights_move_the_best_threshold() -> None:
    # With the wrong one counting ten, taking only 0.9 gives 2/3, and all down to 0.5 only 4/14.
    weights = np.array([1.0, 1.0, 1.0, 10.0])

    found = best_threshold(np.array([0.5, 0.9, 0.1, 0.6]), np.array([True, True, False, False]), weights)

    assert found == pytest.approx(0.75)


def test_equal_probabilities_are_not_torn_apart() -> None:
    found = best_threshold(np.array([0.4, 0.4, 0.2]), np.array([True, False, False]), np.ones(3))

    assert found == pytest.approx(0.3)


def test_where_all_are_taken_the_threshold_lies_below_the_least() -> None:
    assert best_threshold(np.array([0.4, 0.2]), np.array([True, True]), np.ones(2)) == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_has_a_better_f1(seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities, truth = random.random(60).round(1), random.random(60) < 0.3

    found = best_threshold(probabilities, truth, np.ones(60))

    best = max(f1_score(truth, probabilities >= other, zero_division=0) for other in np.linspace(0, 1, 101))
    assert f1_score(truth, probabilities >= found) == pytest.approx(best)


def test_a_head_learns_every_mood_and_survives_being_written(goemotions: Path, service: Path, tmp_path: Path) -> None:
    figures = make_mood_weights(WordEncoder(), goemotions, service, tmp_path, "words")

    weights = read_mood_weights(tmp_path)
    reader = MoodReader(weights)
    moods = reader.read(WordEncoder().encode(["hate", "annoying", "thanks", "urgent", "love", "table"]).embeddings)
    assert [mood.felt for mood in moods] == [("anger",), ("frustration",), ("gratitude",), ("urgency",), (), ()]
    assert [m.sentiment for m in moods] == ["negative", "negative", "positive", "neutral", "positive", "neutral"]
    assert weights.encoder == "words"
    assert weights.probes == PROBES
    assert figures["goemotions_test_sentiment"] == {"texts": 50, "macro_f1": 1.0, "accuracy": 1.0}
    perfect = {"shown": 10, "f1": 1.0, "precision": 1.0, "recall": 1.0, "auroc": 1.0}
    assert figures["goemotions_test_anger"] == perfect


def test_equal_inputs_make_equal_files(goemotions: Path, service: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        make_mood_weights(WordEncoder(), goemotions, service, folder, "words")

    assert [p.read_bytes() for p in sorted(folders[0].iterdir())] == [
        p.read_bytes() for p in sorted(folders[1].iterdir())
    ]


def test_probabilities_mean_what_they_say_on_the_texts_they_were_calibrated_on(service: Path) -> None:
    # One in four texts with the word is angry, in train and in dev: the reader must say a quarter.
    texts = [
        MoodText(text=word, sentiment="negative", emotions=frozen(emotion))
        for word, emotion in [("hate", "anger")] * 25 + [("hate", "frustration")] * 75 + [("table", "gratitude")] * 100
    ]
    part = embed(WordEncoder(), [*texts, MoodText(text="love", sentiment="positive", emotions=frozen())])

    weights = fit_mood(WordEncoder(), part, part, embed(WordEncoder(), read_messages(service)), "words")

    (mood,) = MoodReader(weights).read(WordEncoder().encode(["hate"]).embeddings)
    assert mood.emotions["anger"] == pytest.approx(0.25, abs=0.02)
    assert mood.emotions["frustration"] == pytest.approx(0.75, abs=0.02)


@pytest.fixture
def hand_weights() -> MoodWeights:
    """Row (1, 0) is positive and grateful, row (0, 1) neither."""
    weight = np.zeros((7, 2), np.float32)
    weight[2, 0], weight[0, 1], weight[5] = 5, 5, (5, -5)
    return MoodWeights(
        encoder="two",
        weight=weight,
        bias=np.zeros(7, np.float32),
        thresholds=np.full(4, 0.9, np.float32),
        probes=("x",),
        probe_embeddings=np.array([[1, 0]], np.float32),
    )


def test_figures_of_a_case_by_hand(hand_weights: MoodWeights) -> None:
    kinds = [("positive", ["gratitude"]), ("negative", []), ("positive", ["gratitude"]), (None, ["gratitude"])]
    texts = [MoodText(text="", sentiment=sentiment, emotions=frozen(*felt)) for sentiment, felt in kinds]
    part = Embedded(texts=texts, embeddings=np.array([[1, 0], [1, 0], [0, 1], [1, 0]], np.float32))
    reader = MoodReader(hand_weights)

    # Read: positive, positive, negative; positive has 1 of 2 right and 1 of 2 found, negative nothing: (1/2 + 0) / 2.
    assert sentiment_figures(reader, part) == pytest.approx({"texts": 3, "macro_f1": 0.25, "accuracy": 1 / 3})
    # Felt in rows 1, 2 and 4, shown in 1, 3 and 4. Against row 2, 1 and 4 tie and 3 loses: (1/2 + 1/2 + 0) / 3.
    wanted = {"shown": 3, "f1": 2 / 3, "precision": 2 / 3, "recall": 2 / 3, "auroc": 1 / 3}
    assert emotion_figures(reader, part, "gratitude") == pytest.approx(wanted)


def test_what_is_written_is_read_back_to_half_precision(hand_weights: MoodWeights, tmp_path: Path) -> None:
    write_mood_weights(hand_weights, {"any": 1}, tmp_path, "2026-01-02")

    again = read_mood_weights(tmp_path)

    np.testing.assert_allclose(again.weight, hand_weights.weight, rtol=1e-3)
    np.testing.assert_array_equal(again.thresholds, hand_weights.thresholds)
    assert again.probes == ("x",)
    about = json.loads(next(tmp_path.glob("*.json")).read_text("utf-8"))
    assert (about["made_on"], about["figures"]) == ("2026-01-02", {"any": 1})


def test_weights_in_fortran_order_are_written_as_the_numbers_they_are(
    hand_weights: MoodWeights, tmp_path: Path
) -> None:
    turned = replace(hand_weights, weight=np.asfortranarray(hand_weights.weight))

    write_mood_weights(turned, {}, tmp_path, "2026-01-02")

    np.testing.assert_allclose(read_mood_weights(tmp_path).weight, hand_weights.weight)


def test_messages_that_are_learned_from_are_in_no_test_set() -> None:
    learned = read_messages(SERVICE)
    held_out = [
        *read_messages(TESTS / "data" / "mood_messages.jsonl"),
        *read_messages(TESTS / "data" / "urgency_messages.jsonl"),
    ]

    assert len(learned) >= 160
    assert not {text.text.casefold() for text in learned} & {text.text.casefold() for text in held_out}


def test_the_shipped_weights_keep_their_quality_on_messages_they_never_saw() -> None:
    encoder = load_torch_encoder(find_checkpoint(EncoderConfig(), Path()), 2, torch.device("cpu"))
    reader = MoodReader(read_mood_weights())
    service = embed(encoder, read_messages(TESTS / "data" / "mood_messages.jsonl"))
    urgency = embed(encoder, read_messages(TESTS / "data" / "urgency_messages.jsonl"))

    assert sentiment_figures(reader, service)["macro_f1"] > 0.75
    floors = dict(zip(EMOTIONS, (0.90, 0.82, 0.95, 0.88), strict=True))
    found = {name: emotion_figures(reader, urgency if name == "urgency" else service, name) for name in EMOTIONS}
    assert {name: figures["auroc"] for name, figures in found.items() if figures["auroc"] < floors[name]} == {}
