import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import save_file
from small_release import ID, write_small_release

from configs import EncoderConfig
from nlu.checkpoint import Checkpoint, find_checkpoint
from training.releases import Release, Releases


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Batches here are so small that threads cost more than they give, above all beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path / "data")


@pytest.fixture(scope="session")
def small_release_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the release `ID`, promoted. Read only."""
    folder = tmp_path_factory.mktemp("small") / "data"
    write_small_release(Releases(folder), ID)
    return folder


@pytest.fixture
def release(small_release_dir: Path, releases: Releases) -> Release:
    """A small release in `releases`, that a test may damage."""
    shutil.copytree(small_release_dir, releases.data_dir)
    return releases.open(ID)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A BERT of two thin layers with random weights: real in kind, and trained in a second."""
    folder = tmp_path_factory.mktemp("encoders") / "tiny"
    folder.mkdir()
    config = transformers.BertConfig(
        vocab_size=30_522,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        # Wide, so that random weights tell words apart as trained ones would.
        initializer_range=0.2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(11)
        body = transformers.BertModel(config, add_pooling_layer=False)
    config.to_json_file(folder / "config.json")
    save_file(body.state_dict(), folder / "model.safetensors")
    default = find_checkpoint(EncoderConfig(), Path())
    shutil.copy(Path(default.source) / "tokenizer.json", folder / "tokenizer.json")
    return Checkpoint(source=str(folder), prefix="", max_tokens=64)


@pytest.fixture
def quick_folder(minimal_folder: Path, tiny_checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """The minimal assistant, set to fine-tune the tiny encoder for one epoch."""
    return copy_as_quick(minimal_folder, tiny_checkpoint, tmp_path)


@pytest.fixture(scope="module")
def quick_folder_of_module(
    minimal_folder: Path, tiny_checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """As `quick_folder`; do not change its files."""
    return copy_as_quick(minimal_folder, tiny_checkpoint, tmp_path_factory.mktemp("quick"))


def copy_as_quick(source: Path, checkpoint: Checkpoint, parent: Path) -> Path:
    folder = Path(shutil.copytree(source, parent / "minimal"))
    with (folder / "config.yml").open("a", encoding="utf-8") as file:
        file.write(f"\n  encoder: {{name: {checkpoint.source}}}\n  training: {{intent: {{max_epochs: 1}}}}\n")
    return folder
