"""Which weights of the tuned top are learned: all of them, low-rank additions, or biases and layer norms."""

from typing import Any

from torch import nn

from configs.assistant_config import IntentTrainingConfig, Method
from nlu.torch_encoder import BertClassifier

_ALPHA_FACTOR = 2  # alpha is twice the rank, as the LoRA paper's authors use it for BERT
_LINEAR_LAYERS = ["query", "key", "value", "dense"]


def prepare_for(model: BertClassifier, config: IntentTrainingConfig) -> None:
    """Makes the weights that `config.method` learns the only ones of the tuned top that are.

    Source: for `lora`, Hu et al., "LoRA", ICLR 2022; for `bitfit`, Ben Zaken et al., "BitFit", ACL 2022.
    """
    top = model.tuned_top
    if config.method is Method.BITFIT:
        for parameter in top.parameters():
            parameter.requires_grad_(parameter.ndim == 1)
    elif config.method is Method.LORA:
        from peft import LoraConfig, inject_adapter_in_model  # noqa: PLC0415 - seconds, and an extra

        rank = config.lora_rank
        lora = LoraConfig(r=rank, lora_alpha=_ALPHA_FACTOR * rank, lora_dropout=0.1, target_modules=_LINEAR_LAYERS)
        inject_adapter_in_model(lora, top)


def settle(model: BertClassifier) -> None:
    """Adds what LoRA has learned to the weights it belongs to, so that the top is plain layers again."""
    adapted: list[tuple[nn.Module, str, Any]] = [
        (module, name, child)
        for module in model.tuned_top.modules()
        for name, child in module.named_children()
        if hasattr(child, "merge") and hasattr(child, "get_base_layer")
    ]
    for module, name, child in adapted:
        child.merge()
        setattr(module, name, child.get_base_layer())
    model.tuned_top.requires_grad_(True)


def leave_out_tuned_top(model: BertClassifier) -> None:
    """Drops a tuned top that has learned nothing: the plain embedding takes its place, in one pass less."""
    model.tuned_top = nn.ModuleList()
