"""Many sentences for the index benchmark: the real ones of the data sets, copies with slips, and their embeddings.

A copy differs from its sentence as a customer's second try does: a word dropped, doubled or swapped, a letter mistyped.
"""

import csv
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from rich.progress import Progress

from configs import EncoderConfig
from nlu.checkpoint import find_checkpoint
from nlu.encoder import FloatArray
from nlu.tokens import TextTokenizer, pad
from nlu.torch_encoder import BertClassifier, load_torch_encoder, pooled

NOT_PROSE = frozenset({"tags", "slot_tags", "labels", "id", "url", "conversation_id", "entity_value"})
MIN_WORDS, MAX_CHARACTERS, MAX_TOKENS, BATCH = 3, 200, 32, 256
CHUNK = 8_192
_BREAK = re.compile(r"(?<=[.!?])\s+|\n+")
_ENGLISH = re.compile(r"[a-zA-Z]{2}.*")


def real_sentences(folder: Path) -> list[str]:
    """Every different English sentence of three words or more in the data sets, in the order of the files."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        for text in _texts(path):
            for part in _BREAK.split(text):
                sentence = " ".join(part.split())[:MAX_CHARACTERS]
                words = sentence.split(" ")
                if len(words) >= MIN_WORDS and sentence.isascii() and sum(map(str.isalpha, words)) * 2 > len(words):
                    found.setdefault(sentence.lower(), sentence)
    return list(found.values())


def _texts(path: Path) -> Iterator[str]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield from (text for name, text in row.items() if name not in NOT_PROSE and isinstance(text, str))
    elif path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield from _strings(json.loads(line))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "tokens":
                yield " ".join(inner)
            elif name not in NOT_PROSE:
                yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def with_slips(sentence: str, rng: random.Random) -> str:
    """A copy of `sentence` with one to three slips."""
    words = sentence.split(" ")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(words))
        slip = rng.randrange(4)
        if slip == 0 and len(words) > 2:
            del words[at]
        elif slip == 1:
            words.insert(at, words[at])
        elif slip == 2 and at:
            words[at - 1], words[at] = words[at], words[at - 1]
        else:
            words[at] = _mistyped(words[at], rng)
    return " ".join(words)


def _mistyped(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word)) if word else 0
    slip = rng.randrange(3)
    if slip == 0:
        return word[:at] + word[at + 1 :] or word
    if slip == 1:
        return word[:at] + word[at : at + 1] + word[at:]
    return word[:at] + word[at : at + 2][::-1] + word[at + 2 :]


def grown(sentences: Sequence[str], count: int, seed: int) -> list[str]:
    """The sentences, and as many different copies with slips as make `count`; the real ones come first."""
    rng = random.Random(seed)
    texts, known = list(sentences[:count]), {sentence.lower() for sentence in sentences}
    while len(texts) < count:
        copy = with_slips(rng.choice(sentences), rng)
        if copy.lower() not in known:
            known.add(copy.lower())
            texts.append(copy)
    return texts


def pool(folder: Path, rows: int, queries: int, seed: int) -> tuple[list[str], list[str]]:
    """`rows` sentences to index, the real ones first and in random order, and `queries` real ones kept out of them."""
    sentences = real_sentences(folder)
    random.Random(seed).shuffle(sentences)
    return grown(sentences[queries:], rows, seed), sentences[:queries]


def embedded(texts: Sequence[str], path: Path, bar: Progress, *, threads: int) -> FloatArray:
    """Unit rows for `texts`, (n, 384), mapped from `path`; what is not there yet is computed, in bfloat16.

    A cut-off run goes on where it stopped: `<path>.done` counts the rows that stand.
    """
    done_path = path.with_suffix(".done")
    done = int(done_path.read_text()) if path.is_file() and done_path.is_file() else 0
    if done < len(texts):
        torch.set_num_threads(threads)
        checkpoint = find_checkpoint(EncoderConfig(), Path())
        encoder = load_torch_encoder(checkpoint, 2, torch.device("cpu"))
        tokenizer = TextTokenizer(
            Path(checkpoint.source) / "tokenizer.json", prefix=checkpoint.prefix, max_tokens=MAX_TOKENS
        )
        task = bar.add_task(f"embed {path.stem}", total=len(texts), completed=done)
        mode = "r+" if done else "w+"
        rows = open_memmap(path, mode=mode, dtype=np.float32, shape=(len(texts), encoder.dimension))
        for start in range(done, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            rows[start : start + len(chunk)] = _embed(encoder.model, tokenizer, chunk)
            done_path.write_text(str(start + len(chunk)))
            bar.advance(task, len(chunk))
        rows.flush()
        del rows
    rows: FloatArray = np.load(path, mmap_mode="r")
    return rows


def _embed(model: BertClassifier, tokenizer: TextTokenizer, texts: Sequence[str]) -> FloatArray:
    ids = tokenizer.ids(texts)
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    found = np.zeros((len(ids), model.dimension), np.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), BATCH):
            group = order[start : start + BATCH]
            batch = pad([ids[at] for at in group])
            tokens, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
            states = model.upper(model.plain_top, model.lower(tokens, mask), mask)
            found[group] = pooled(states, mask).float().numpy()
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), np.float32)
