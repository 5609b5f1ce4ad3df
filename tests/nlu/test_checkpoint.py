import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import save_file

from configs import EncoderConfig
from nlu.checkpoint import Checkpoint, CheckpointError, find_checkpoint
from nlu.torch_encoder import load_torch_encoder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with the files that are looked for."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}", "utf-8")
    return folder


def bert(folder: Path) -> Checkpoint:
    """A BERT body of two thin layers with the default tokenizer, ready to load."""
    config = transformers.BertConfig(
        vocab_size=30_522, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    config.to_json_file(folder / "config.json")
    save_file(transformers.BertModel(config, add_pooling_layer=False).state_dict(), folder / "model.safetensors")
    default = find_checkpoint(EncoderConfig(), Path())
    shutil.copy(Path(default.source) / "tokenizer.json", folder / "tokenizer.json")
    return Checkpoint(source=str(folder), prefix="", max_tokens=32)


def test_the_default_encoder_is_found_where_it_is_installed() -> None:
    found = find_checkpoint(EncoderConfig(max_tokens=64), Path("/nowhere"))

    assert (Path(found.source) / "model.safetensors").is_file()
    assert (found.prefix, found.max_tokens) == ("", 64)


def test_a_folder_is_looked_up_beside_the_assistant(model: Path) -> None:
    assert find_checkpoint(EncoderConfig(name="./model"), model.parent).source == str(model)
    assert find_checkpoint(EncoderConfig(name="model"), model.parent).source == str(model)
    assert find_checkpoint(EncoderConfig(name=str(model)), Path("/nowhere")).source == str(model)


def test_a_name_that_is_no_folder_is_a_hub_name() -> None:
    found = find_checkpoint(EncoderConfig(name="bert-base-chinese"), Path("/nowhere"))

    assert found == Checkpoint(source="bert-base-chinese", prefix="", max_tokens=128)


@pytest.mark.parametrize("name", ["./missing", "../missing", "/nowhere/missing"])
def test_a_path_that_is_no_folder_is_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"{name!r} is not a folder"):
        find_checkpoint(EncoderConfig(name=name), tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_folder_without_a_needed_file_is_refused_and_the_file_named(model: Path, name: str) -> None:
    (model / name).unlink()

    with pytest.raises(CheckpointError, match=f"{model} has no {name}"):
        find_checkpoint(EncoderConfig(name="model"), model.parent)


def test_pickled_weights_are_refused(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")

    with pytest.raises(CheckpointError, match=r"no \.safetensors weights; pickled ones are refused"):
        find_checkpoint(EncoderConfig(name="model"), model.parent)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("intfloat/multilingual-e5-small", "query: "),
        ("intfloat/e5-base-v2", "query: "),
        ("someone/E5-large", "query: "),
        ("bert-base-uncased", ""),
        ("someone/phase5-base", ""),
    ],
)
def test_the_e5_family_gets_its_prefix_by_name(name: str, prefix: str) -> None:
    assert find_checkpoint(EncoderConfig(name=name), Path("/nowhere")).prefix == prefix


def test_a_model_may_declare_its_own_query_prompt(model: Path) -> None:
    declared = {"prompts": {"query": "Represent this: ", "document": ""}}
    (model / "config_sentence_transformers.json").write_text(json.dumps(declared), "utf-8")

    assert find_checkpoint(EncoderConfig(name="model"), model.parent).prefix == "Represent this: "


@pytest.mark.parametrize("prefix", ["", "q: "])
def test_the_prefix_of_the_settings_wins(model: Path, prefix: str) -> None:
    declared = {"prompts": {"query": "Represent this: "}}
    (model / "config_sentence_transformers.json").write_text(json.dumps(declared), "utf-8")

    assert find_checkpoint(EncoderConfig(name="model", prefix=prefix), model.parent).prefix == prefix


@pytest.mark.parametrize("content", ['{"prompts": {"query": ', "[1, 2]", '{"prompts": ["query: "]}', "\xff"])
def test_damaged_prompts_are_refused_and_the_file_named(model: Path, content: str) -> None:
    (model / "config_sentence_transformers.json").write_text(content, "latin-1")

    with pytest.raises(CheckpointError, match=r"config_sentence_transformers\.json"):
        find_checkpoint(EncoderConfig(name="model"), model.parent)


def test_a_folder_loads_with_a_fresh_head_for_the_intents(model: Path) -> None:
    encoder = load_torch_encoder(bert(model), 3, torch.device("cpu"))

    encoded = encoder.encode(["hello", "bye"])
    assert encoder.dimension == 8
    assert encoded.embeddings.shape == (2, 8)
    assert encoded.logits["intent"].shape == (2, 3)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("kept_share", [0.0, 0.5])
def test_a_truncated_file_is_refused_and_the_encoder_named(model: Path, name: str, kept_share: float) -> None:
    checkpoint = bert(model)
    content = (model / name).read_bytes()
    (model / name).write_bytes(content[: int(len(content) * kept_share)])

    with pytest.raises(CheckpointError, match=f"{str(model)!r} cannot be loaded"):
        load_torch_encoder(checkpoint, 3, torch.device("cpu"))


def test_a_model_that_is_no_bert_encoder_is_refused(model: Path) -> None:
    checkpoint = bert(model)
    config = transformers.GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=16)
    config.to_json_file(model / "config.json")

    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_torch_encoder(checkpoint, 3, torch.device("cpu"))
