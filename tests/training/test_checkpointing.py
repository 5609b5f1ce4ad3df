import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.assistant_config import IntentTrainingConfig, Method
from nlu.checkpoint import Checkpoint
from nlu.torch_encoder import TorchEncoder, load_torch_encoder
from training.checkpointing import FitCheckpoint, Snapshot
from training.intent_trainer import Epoch, LabelledIds, fit_intents
from training.progress import Progress
from training.workspace import CHECKPOINT_FILE, Workspace, kept

TEXTS = ["hello", "hi there", "good morning", "where is my order", "track my parcel", "order status please", "hiya you"]
CLASSES = [0, 0, 0, 1, 1, 1, 0]

Fit = Callable[..., tuple[TorchEncoder, tuple[Epoch, ...]]]


class Killed(Exception):
    """Stands for a process that dies."""


@pytest.fixture
def fit(tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> Fit:
    """Fits the tiny encoder in float32; with `die_in_epoch` it dies in the first step of that epoch."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)

    def run(
        checkpoint: FitCheckpoint | None = None, *, die_in_epoch: int = 0, **changed: object
    ) -> tuple[TorchEncoder, tuple[Epoch, ...]]:
        torch.manual_seed(0)
        config = IntentTrainingConfig(method=Method.FULL, max_epochs=3, batch_size=2, patience=9, learning_rate=1e-3)
        config = config.model_copy(update=changed)
        encoder = load_torch_encoder(tiny_checkpoint, 2, torch.device("cpu"), tuned_layers=lambda _: 1, tags=3)
        ids = encoder.tokenizer.ids(TEXTS)
        tags = [[-100] + [1] * (len(row) - 2) + [-100] for row in ids]
        train = LabelledIds(ids=ids, classes=np.array(CLASSES), tags=tags)

        def report(progress: Progress) -> None:
            if die_in_epoch and progress.epoch == die_in_epoch:
                raise Killed

        return encoder, fit_intents(encoder, train, train, config, report, seed=5, checkpoint=checkpoint)

    return run


def checkpoint_in(folder: Path) -> tuple[FitCheckpoint, list[str]]:
    notes: list[str] = []
    return FitCheckpoint(folder, notes.append), notes


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"method": Method.LORA},
        {"method": Method.BITFIT},
        {"accumulated_batches": 3},  # four batches an epoch: a gradient is pending when the epoch ends
    ],
    ids=["full", "lora", "bitfit", "gradients pending"],
)
def test_a_fit_that_goes_on_ends_with_the_weights_of_an_undisturbed_one(
    fit: Fit, tmp_path: Path, changed: dict[str, object]
) -> None:
    undisturbed, curve = fit(**changed)
    checkpoint, notes = checkpoint_in(tmp_path)
    with pytest.raises(Killed):
        fit(checkpoint, die_in_epoch=2, **changed)

    gone_on, same_curve = fit(checkpoint, **changed)

    assert notes == [f"Going on from {tmp_path}/epoch-001.safetensors, which a training that was stopped has left."]
    assert same_curve[1:] == curve[1:]
    wanted, found = undisturbed.model.state_dict(), gone_on.model.state_dict()
    assert wanted.keys() == found.keys()
    assert [name for name, value in wanted.items() if not torch.equal(value, found[name])] == []


def test_a_fit_that_was_done_learns_nothing_more(fit: Fit, tmp_path: Path) -> None:
    checkpoint, _ = checkpoint_in(tmp_path)
    done, curve = fit(checkpoint)

    again, same_curve = fit(checkpoint, die_in_epoch=4)

    assert same_curve[1:] == curve[1:]
    assert torch.equal(done.model.tuned_head.weight, again.model.tuned_head.weight)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT_FILE, "epoch-003.safetensors"]


def cut(folder: Path) -> None:
    path = next(folder.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(folder: Path) -> None:
    path = next(folder.glob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def remove_the_tensors(folder: Path) -> None:
    next(folder.glob("*.safetensors")).unlink()


def empty_the_pointer(folder: Path) -> None:
    (folder / CHECKPOINT_FILE).write_text("")


def point_outside(folder: Path) -> None:
    place = folder / CHECKPOINT_FILE
    place.write_text(place.read_text().replace("epoch-001", "../epoch-001x"))


def write_another_format(folder: Path) -> None:
    place = folder / CHECKPOINT_FILE
    place.write_text(place.read_text().replace('"format_version":1', '"format_version":9'))


@pytest.mark.parametrize(
    "damage", [cut, flip_a_bit, remove_the_tensors, empty_the_pointer, point_outside, write_another_format]
)
def test_a_damaged_checkpoint_is_named_and_ignored(damage: Callable[[Path], None], tmp_path: Path) -> None:
    checkpoint, notes = checkpoint_in(tmp_path)
    checkpoint.save(Snapshot(tensors={"a": torch.ones(3)}, facts={"step": 1}), 1)
    damage(tmp_path)

    assert checkpoint.load() is None
    (note,) = notes
    assert note.startswith(f"{tmp_path / CHECKPOINT_FILE} is damaged and is ignored: ")


def test_the_latest_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint, _ = checkpoint_in(tmp_path / "fit")
    assert checkpoint.load() is None
    for epoch in (1, 2):
        facts = {"loss": float("nan"), "big": 2**100, "epoch": epoch}
        checkpoint.save(Snapshot(tensors={"a.b": torch.full((2,), epoch / 3)}, facts=facts), epoch)

    found = checkpoint.load()

    assert found is not None
    assert torch.equal(found.part("a.")["b"], torch.full((2,), 2 / 3))
    assert (found.facts["big"], found.facts["epoch"]) == (2**100, 2)
    assert np.isnan(found.facts["loss"])
    assert len(list((tmp_path / "fit").iterdir())) == 2


def silent_note(sentence: str) -> None:
    raise AssertionError(sentence)


def save_in(folder: Path | None) -> None:
    assert folder is not None
    FitCheckpoint(folder, silent_note).save(Snapshot(tensors={"a": torch.ones(1)}, facts={}), 1)


def test_a_workspace_outlives_a_training_that_was_stopped_but_not_other_inputs(tmp_path: Path) -> None:
    work = tmp_path / "work"
    with contextlib.suppress(Killed), Workspace(work, "a" * 64, silent_note) as workspace:
        save_in(workspace.of_fit("measured-full"))
        raise Killed
    assert kept(work)

    with Workspace(work, "a" * 64, silent_note) as workspace:
        assert (work / ("a" * 16) / "measured-full" / CHECKPOINT_FILE).is_file()
    with Workspace(work, "b" * 64, silent_note) as workspace:
        assert [path.name for path in work.iterdir()] == ["b" * 16]
        save_in(workspace.of_fit("measured-full"))
        workspace.clear()

    assert not work.exists()
    assert not kept(work)


def test_a_workspace_in_which_nothing_was_kept_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(Killed), Workspace(tmp_path / "work", "a" * 64, silent_note):
        raise Killed

    assert not (tmp_path / "work").exists()


def test_what_another_training_under_way_keeps_is_left_alone(tmp_path: Path) -> None:
    work = tmp_path / "work"
    with Workspace(work, "a" * 64, silent_note) as running:
        save_in(running.of_fit("measured-full"))
        with Workspace(work, "b" * 64, silent_note), Workspace(work, "a" * 64, silent_note) as second:
            assert second.of_fit("measured-full") is None
            second.clear()
        assert kept(work)


def test_epochs_that_were_learned_before_are_shown_again(fit: Fit, tmp_path: Path) -> None:
    checkpoint, _ = checkpoint_in(tmp_path)
    with pytest.raises(Killed):
        fit(checkpoint, die_in_epoch=3)

    _, curve = fit(checkpoint)

    assert [epoch.number for epoch in curve] == [0, 1, 2, 3]
