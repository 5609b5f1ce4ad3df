import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from configs import EncoderConfig
from nlu.checkpoint import find_checkpoint
from nlu.encoder import Encoded, Encoder
from nlu.mood import (
    EMOTIONS,
    MIN_PROBE_COS,
    SENTIMENTS,
    WEIGHTS_NAME,
    Mood,
    MoodError,
    MoodReader,
    MoodWeights,
    least_probe_cos,
    mood_reader_for,
    read_mood_weights,
    sigmoid,
)
from nlu.torch_encoder import load_torch_encoder

LN3 = float(np.log(3.0))
SHIPPED = Path(str(files("nlu") / "weights"))


class TableEncoder:
    """Embeds what it has in a table."""

    def __init__(self, rows: dict[str, list[float]]) -> None:
        self.rows = rows

    @property
    def dimension(self) -> int:
        return len(next(iter(self.rows.values())))

    def encode(self, texts: Sequence[str]) -> Encoded:
        rows = np.array([self.rows[text] for text in texts], np.float32)
        return Encoded(plain=rows, tuned=rows, logits={})


@pytest.fixture
def two_dimensional() -> MoodWeights:
    """Dimension 0 is good or bad, dimension 1 is anger; frustration, gratitude and urgency have only a bias."""
    weight = [[0, 0], [0, 0], [LN3, 0], [0, LN3], [0, 0], [0, 0], [0, 0]]
    return MoodWeights(
        encoder="two",
        weight=np.array(weight, np.float32),
        bias=np.array([0, 0, 0, 0, -LN3, 0, LN3], np.float32),
        thresholds=np.array([0.7, 0.2, 0.6, 0.9], np.float32),
        probes=("north", "east"),
        probe_embeddings=np.array([[1, 0], [0, 1]], np.float32),
    )


@pytest.fixture(scope="module")
def frozen_encoder() -> Encoder:
    return load_torch_encoder(find_checkpoint(EncoderConfig(), Path()), 2, torch.device("cpu"))


@pytest.fixture(scope="module")
def shipped_mood(frozen_encoder: Encoder) -> Callable[[str], Mood]:
    reader = mood_reader_for(frozen_encoder)
    assert reader is not None
    return lambda text: reader.read(frozen_encoder.encode([text]).embeddings)[0]


def test_moods_of_a_case_by_hand(two_dimensional: MoodWeights) -> None:
    good, angry = MoodReader(two_dimensional).read(np.array([[1, 0], [0, 1]], np.float32))

    # e^ln3 = 3: shares of 1, 1 and 3 in 5; a logit of ln 3 is 3/4, of -ln 3 a quarter, of 0 a half.
    assert good.sentiment == "positive"
    assert good.sentiments == pytest.approx({"negative": 0.2, "neutral": 0.2, "positive": 0.6})
    assert good.emotions == pytest.approx({"anger": 0.5, "frustration": 0.25, "gratitude": 0.5, "urgency": 0.75})
    assert good.felt == ("frustration",)
    assert angry.sentiments == pytest.approx(dict.fromkeys(SENTIMENTS, 1 / 3))
    assert angry.emotions["anger"] == pytest.approx(0.75)
    assert angry.felt == ("anger", "frustration")


def test_an_emotion_is_felt_at_its_threshold_and_not_just_below(two_dimensional: MoodWeights) -> None:
    def felt(threshold: float) -> tuple[str, ...]:
        weights = replace(two_dimensional, thresholds=np.array([1, 1, threshold, 1], np.float32))
        return MoodReader(weights).read(np.zeros((1, 2), np.float32))[0].felt

    # The logit of gratitude is 0, so its probability is exactly a half.
    assert felt(0.5) == ("gratitude",)
    assert felt(0.501) == ()


def test_no_embeddings_give_no_moods(two_dimensional: MoodWeights) -> None:
    assert MoodReader(two_dimensional).read(np.zeros((0, 2), np.float32)) == []


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (2,), (0, 384)])
def test_embeddings_of_another_shape_are_refused(two_dimensional: MoodWeights, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the mood head reads \(n, 2\), as two gives them"):
        MoodReader(two_dimensional).read(np.zeros(shape, np.float32))


def test_the_encoder_that_the_weights_know_gets_a_reader(two_dimensional: MoodWeights) -> None:
    encoder = TableEncoder({"north": [1.0, 0.0], "east": [0.0, 1.0]})

    reader = mood_reader_for(encoder, two_dimensional)

    assert reader is not None
    assert reader.weights is two_dimensional


def test_one_probe_embedded_otherwise_is_another_encoder(two_dimensional: MoodWeights) -> None:
    encoder = TableEncoder({"north": [1.0, 0.0], "east": [0.8, 0.6]})

    assert least_probe_cos(encoder, two_dimensional) == pytest.approx(0.6)
    assert mood_reader_for(encoder, two_dimensional) is None


@pytest.mark.parametrize(("above", "is_read"), [(0.001, True), (-0.001, False)])
def test_the_reader_bears_some_drift_but_no_more(two_dimensional: MoodWeights, above: float, is_read: bool) -> None:
    cosine = MIN_PROBE_COS + above
    encoder = TableEncoder({"north": [1.0, 0.0], "east": [float(np.sqrt(1 - cosine**2)), cosine]})

    assert (mood_reader_for(encoder, two_dimensional) is not None) == is_read


def test_an_encoder_of_another_dimension_gets_no_reader() -> None:
    assert mood_reader_for(TableEncoder({"any": [1.0, 0.0, 0.0]})) is None


def test_the_default_encoder_embeds_the_probes_as_the_shipped_weights_remember(frozen_encoder: Encoder) -> None:
    assert least_probe_cos(frozen_encoder, read_mood_weights()) == pytest.approx(1.0, abs=2e-3)


def test_a_shuffled_encoder_gets_no_reader(frozen_encoder: Encoder) -> None:
    class Shuffled:
        dimension = frozen_encoder.dimension

        def encode(self, texts: Sequence[str]) -> Encoded:
            rows = frozen_encoder.encode(texts).plain[:, ::-1]
            return Encoded(plain=rows, tuned=rows, logits={})

    assert mood_reader_for(Shuffled()) is None


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("You have ruined everything, I hate this company.", "negative"),
        ("Which sizes does the coat come in?", "neutral"),
        ("I love the new shoes, they are wonderful!", "positive"),
    ],
)
def test_clear_messages_are_read_rightly(shipped_mood: Callable[[str], Mood], text: str, sentiment: str) -> None:
    assert shipped_mood(text).sentiment == sentiment


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("You stupid liars, I am furious!", "anger"),
        ("This is so annoying, it never works.", "frustration"),
        ("Thank you so much for your help!", "gratitude"),
        ("Please stop the shipment immediately, it is urgent!", "urgency"),
    ],
)
def test_each_emotion_is_felt_where_it_is_plain_and_not_in_a_greeting(
    shipped_mood: Callable[[str], Mood], text: str, emotion: str
) -> None:
    assert emotion in shipped_mood(text).felt
    assert emotion not in shipped_mood("Hello, I have a question about the warranty.").felt


@given(arrays(np.float32, (3, 384), elements=st.floats(-1, 1, width=32)))
def test_probabilities_are_probabilities_whatever_the_embedding(embeddings: np.ndarray) -> None:
    reader = MoodReader(read_mood_weights())

    moods = reader.read(embeddings)

    for mood in moods:
        assert sum(mood.sentiments.values()) == pytest.approx(1.0)
        assert mood.sentiments[mood.sentiment] == max(mood.sentiments.values())
        assert all(0.0 <= p <= 1.0 for p in mood.emotions.values())
        assert tuple(mood.emotions) == EMOTIONS


def test_sigmoid_of_cases_by_hand_and_of_huge_scores() -> None:
    # 1 / (1 + 1/3) = 3/4; e^1000 would overflow.
    np.testing.assert_allclose(sigmoid(np.array([0.0, LN3, -LN3, 1000.0, -1000.0])), [0.5, 0.75, 0.25, 1.0, 0.0])


def test_the_shipped_weights_are_few_kilobytes_and_say_where_they_come_from() -> None:
    about = json.loads((SHIPPED / f"{WEIGHTS_NAME}.json").read_text("utf-8"))

    assert sum((SHIPPED / f"{WEIGHTS_NAME}{end}").stat().st_size for end in (".json", ".safetensors")) < 16_000
    assert about["encoder"] == "all-MiniLM-L6-v2"
    assert [source["licence"] for source in about["sources"]] == ["Apache-2.0", "Apache-2.0"]
    assert about["sources"][0]["name"] == "GoEmotions"
    assert about["figures"]["goemotions_test_sentiment"]["macro_f1"] > 0.64


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "weights"))


@pytest.mark.parametrize("end", [".json", ".safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_damaged_weights_are_refused(copied: Path, end: str, damage: str) -> None:
    path = copied / f"{WEIGHTS_NAME}{end}"
    raw = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(raw[: len(raw) // 2] if damage == "cut" else b"")

    with pytest.raises(MoodError, match="Install Kefu again"):
        read_mood_weights(copied)


@pytest.mark.parametrize(
    ("field", "value"),
    [("format_version", 2), ("emotions", ["joy"]), ("sentiments", ["bad", "good"]), ("probes", ["only one"])],
)
def test_weights_of_another_format_are_refused(copied: Path, field: str, value: object) -> None:
    path = copied / f"{WEIGHTS_NAME}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))

    with pytest.raises(MoodError, match="Make them again with"):
        read_mood_weights(copied)


def test_a_copy_of_the_shipped_weights_reads_the_same(copied: Path) -> None:
    rows = np.eye(384, dtype=np.float32)[:5]

    assert MoodReader(read_mood_weights(copied)).read(rows) == MoodReader(read_mood_weights()).read(rows)


def test_reading_moods_loads_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys, nlu.mood as m; m.read_mood_weights(); "
        "print([n for n in ('torch', 'sklearn', 'transformers', 'onnxruntime') if n in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
