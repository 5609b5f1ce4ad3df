"""From an assistant's folder to a promoted release, in order: read, fit, calibrate, export, index, seal."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from configs.assistant import Assistant
from configs.assistant_config import KefuConfig
from configs.bot_spec import BotSpec
from configs.learned import read_origins
from configs.nlu_data import Example
from nlu.checkpoint import Checkpoint, find_checkpoint
from nlu.encoder import FloatArray
from nlu.examples import EXAMPLE_FILES, save_examples
from nlu.language import ScriptCoverage
from nlu.onnx_encoder import GRAPH_FILE, SPEC_FILE, TOKENIZER_FILE
from nlu.saved import INTENTS_FILE, SCOPE_FILE, load_understander, save_understanding
from nlu.understanding import Understander
from retrieval.index_plan import IndexPlan, plan_index
from retrieval.knowledge import read_knowledge
from retrieval.knowledge_store import KnowledgeStore
from retrieval.knowledge_sync import sync_files
from retrieval.pair import ALWAYS, Pair
from retrieval.retriever import Embed, Query, Retriever
from training.fingerprint import intents_fingerprint, release_fingerprint, warm_fingerprint
from training.learned import LEARNED_FILE, trained_with
from training.manifest import ASSISTANT_FILE, HELD_OUT_FILE, REPORT_FOLDER, SMOKE_FILE, Release, ReleaseError
from training.progress import Progress, Report
from training.releases import KNOWLEDGE_FILE, Releases
from training.run_log import RunLog
from training.run_record import RUNS_FOLDER, Curves, RunRecord
from training.workspace import Workspace

SMOKE_INTENTS = 3
SMOKE_PAIRS = 2
CHECKED_TEXTS = 64
WARM_FOLDER = "warm"
Knowledge: TypeAlias = tuple[tuple[Pair, ...], int]
INTENT_PARTS = (GRAPH_FILE, SPEC_FILE, TOKENIZER_FILE, INTENTS_FILE, SCOPE_FILE, HELD_OUT_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """How a training ended.

    Attributes:
        fitted: Whether the encoder was fine-tuned, or taken over because nothing it depends on had changed.
        fresh: Whether a new release was made at all.
    """

    release: Release
    fitted: bool
    fresh: bool
    seconds: float


def noted_nowhere(sentence: str) -> None:
    """Notes nothing."""
    del sentence


def train_assistant(  # noqa: PLR0913 - what may be asked for
    assistant: Assistant,
    releases: Releases,
    report: Report,
    *,
    force: bool = False,
    wandb: bool = False,
    mlflow: bool = False,
    from_outside: bool = False,
    warm: str | None = None,
    candidate: Knowledge | None = None,
    note: Callable[[str], None] = noted_nowhere,
) -> Trained:
    """Trains `assistant`, writes a release and promotes it.

    Nothing is done where the promoted release was made from the same inputs, and the encoder is taken over where
    only answers, rules or settings of the bot have changed; `force` trains all the same. A training that was stopped
    is gone on with where its inputs are the same.

    Args:
        wandb: Whether Weights & Biases gets what TensorBoard gets.
        mlflow: The same of MLflow.
        from_outside: Whether somebody sent the assistant's files: the release is not promoted, and the past answers are
            those of the data folder.
        warm: The release whose training the encoder's is built on, instead of beginning anew.
        candidate: The past answers of a release that is not promoted, and up to when; a release that the same inputs
            have made before, promoted or not, is taken as it is.
        note: Told, in a sentence each, what became of what a stopped training had kept, and that the encoder does not
            know the assistant's script.

    Raises:
        KefuError: The assistant, its knowledge or its encoder cannot be used.
    """
    from training.promise_step import promise_into, read_calibration
    from training.ranking_fit import remembering

    started = time.monotonic()
    pairs, knowledge_seq = candidate or gather_knowledge(assistant, releases, note, with_files=not from_outside)
    spec = BotSpec.of(assistant)
    checkpoint = find_checkpoint(assistant.config.encoder, assistant.root)
    intents = intents_fingerprint(assistant, checkpoint)
    labels = list(dict.fromkeys(example.intent for example in assistant.examples))
    questions = read_calibration(assistant, labels, pairs)
    whole = release_fingerprint(intents, spec, pairs, assistant.config, questions)
    previous = None if force else _previous(releases)
    if previous is not None and previous.manifest.fingerprints.get("all") == whole:
        return Trained(release=previous, fitted=False, fresh=False, seconds=time.monotonic() - started)
    reusable = previous if previous is not None and previous.manifest.fingerprints.get("intents") == intents else None
    wanted = whole if warm is None or reusable else warm_fingerprint(whole, warm)
    if candidate is not None and (made := _made_before(releases, wanted, whole)):
        return Trained(release=made, fitted=False, fresh=False, seconds=time.monotonic() - started)
    release_id = releases.new_id(wanted)
    begun = intents if warm is None else warm_fingerprint(intents, warm)
    with Workspace(releases.data_dir / "work", begun, note) as workspace, releases.writing(release_id) as part:
        curves: Curves = {}
        if reusable:
            figures = _take_over(reusable, part)
            _take_over_warm(reusable, releases, release_id)
        else:
            folder = releases.data_dir / RUNS_FOLDER / release_id
            with RunLog.open(folder, wandb=wandb, mlflow=mlflow) as log:
                figures = fit_into(
                    part,
                    assistant,
                    checkpoint,
                    report,
                    log=log,
                    workspace=workspace,
                    note=note,
                    warm=None if warm is None else releases.data_dir / WARM_FOLDER / warm,
                    keep=releases.data_dir / WARM_FOLDER / release_id,
                )
            curves = log.curves
        report(Progress(stage="indexing past answers"))
        understander = load_understander(part, spec.entities)
        embed = remembering(lambda texts: understander.encoder.encode(texts).embeddings)
        retriever, ranking_figures = index_pairs(pairs, understander, assistant.config, note, embed_again=embed)
        retriever.save(part)
        (part / ASSISTANT_FILE).write_bytes(spec.to_json())
        smoke = smoke_questions(understander, retriever, assistant.examples)
        (part / SMOKE_FILE).write_text(json.dumps(smoke, ensure_ascii=False, indent=1), "utf-8")
        origins = read_origins(assistant.learned) if assistant.learned else []
        if origins:
            (part / LEARNED_FILE).write_bytes(trained_with(origins))
        report(Progress(stage="looking for what can be promised"))
        promised = promise_into(part, assistant, spec, questions, understander, retriever, embed)
        note(promised.file.finding.sentence)
        report(Progress(stage="sealing the release"))
        release = releases.seal(
            part,
            {
                "id": release_id,
                "assistant": assistant.name,
                "kefu_version": version("kefu"),
                "encoder": assistant.config.encoder.name,
                "intent_count": len(understander.intents.labels),
                "pair_count": len(pairs),
                "knowledge_seq": knowledge_seq,
                "dimension": understander.encoder.dimension,
                "trained_with": len(origins),
                "fingerprints": {
                    "intents": intents,
                    "all": whole,
                    **({"set_aside": assistant.set_aside} if assistant.set_aside else {}),
                },
                "figures": {**figures, **ranking_figures, **promised.figures()},
            },
        )
        workspace.clear()
    RunRecord.of(
        release.manifest,
        assistant,
        seconds=time.monotonic() - started,
        curves=curves,
        warm_from=None if reusable else warm,
        encoder_from=reusable.id if reusable else None,
    ).save(releases.data_dir)
    if not from_outside and candidate is None:
        releases.promote(release)
    return Trained(release=release, fitted=reusable is None, fresh=True, seconds=time.monotonic() - started)


def gather_knowledge(
    assistant: Assistant, releases: Releases, note: Callable[[str], None], *, with_files: bool = True
) -> Knowledge:
    """All past answers as they are now, those of the assistant's files with what was edited since, and up to when.

    Args:
        with_files: Take the files over first.

    Raises:
        KefuError: A file or the knowledge store cannot be read.
    """
    intents = {example.intent for example in assistant.examples}
    in_files = read_knowledge(assistant.knowledge_paths, intents) if with_files else ()
    with KnowledgeStore(releases.data_dir / KNOWLEDGE_FILE) as store:
        if with_files:
            synced = sync_files(store, in_files)
            if synced.kept_live:
                note(
                    f"{synced.kept_live} past answers were edited since they were read from the knowledge files, and "
                    "stay so. `kefu knowledge export` writes them out."
                )
        seq = store.latest_seq()  # first: what is edited between the two is applied again, which changes nothing
        return tuple(store.pairs()), seq


def index_pairs(
    pairs: Sequence[Pair],
    understander: Understander,
    config: KefuConfig,
    note: Callable[[str], None] = noted_nowhere,
    *,
    embed_again: Embed | None = None,
) -> tuple[Retriever, dict[str, float]]:
    """A retriever over `pairs`, weighed by their own wordings, and the figures for the manifest.

    Args:
        embed_again: Remembers what it has embedded, for who asks the same wordings later.
    """
    from training.ranking_fit import fit_ranking

    encoder = understander.encoder

    def embed(texts: Sequence[str]) -> FloatArray:
        return encoder.encode(texts).embeddings

    def plan(rows: int) -> IndexPlan:
        asked = config.retrieval
        chosen = plan_index(rows, encoder.dimension, max_memory_mb=asked.max_memory_mb, recall_at_10=asked.recall_at_10)
        if chosen.kind != "flat":
            note(f"The index of past answers: {chosen.reason}.")
        return chosen

    fit = fit_ranking(pairs, embed_again or embed, dimension=encoder.dimension, seed=config.training.seed)
    retriever = Retriever.build(pairs, embed, dimension=encoder.dimension, ranking=fit.ranking, plan=plan)
    return retriever, fit.figures()


def fit_into(  # noqa: PLR0913 - the last five only look on, or keep
    folder: Path,
    assistant: Assistant,
    checkpoint: Checkpoint,
    report: Report,
    *,
    log: RunLog | None = None,
    workspace: Workspace | None = None,
    note: Callable[[str], None] = noted_nowhere,
    warm: Path | None = None,
    keep: Path | None = None,
) -> dict[str, float]:
    """Fits, exports and reports into `folder`; returns the figures for the manifest.

    Args:
        warm: What an earlier training has kept, to begin from.
        keep: Where what a later training can begin from is put.
    """
    from training.export import export_encoder
    from training.fit import fit_understanding
    from training.held_out import save_held_out
    from training.report import measure_intents, write_report

    log = log or RunLog(())
    log.settings(assistant.config.model_dump(mode="json", include={"encoder", "training"}))
    fitted = fit_understanding(assistant, checkpoint, report, watch=log.fit, workspace=workspace, warm=warm, note=note)
    if keep is not None:
        fitted.keep(keep)
    report(Progress(stage="exporting"))
    held_out = fitted.held_out.examples
    texts = [example.text for example in (*held_out, *assistant.examples)][:CHECKED_TEXTS]
    quantised = export_encoder(fitted.encoder, folder, texts, assistant.config.training.precision)
    texts = [example.text for example in assistant.examples]
    coverage = ScriptCoverage.measure(folder / TOKENIZER_FILE, texts)
    if unknown := coverage.notice(assistant.language, assistant.config.encoder.name):
        note(unknown)
    save_understanding(folder, fitted.classifier, fitted.scope, coverage, fitted.tags)
    save_held_out(folder, fitted.held_out)
    if assistant.config.training.keep_examples:
        save_examples(folder, assistant.examples, fitted.encoder.encode(texts).plain)
    report(Progress(stage="writing the report"))
    measured = measure_intents(fitted, quantised)
    write_report(measured, folder / REPORT_FOLDER)
    figures = measured.figures()
    log.figures(figures)
    return figures


def with_intent_settings(assistant: Assistant, **changed: object) -> Assistant:
    """`assistant` with other values under `kefu.training.intent`, for one run."""
    training = assistant.config.training
    intent = training.intent.model_copy(update=changed)
    config = assistant.config.model_copy(update={"training": training.model_copy(update={"intent": intent})})
    return replace(assistant, config=config)


def smoke_questions(
    understander: Understander, retriever: Retriever, examples: Sequence[Example]
) -> list[dict[str, str]]:
    """A few messages with what this release must make of them; whoever loads it asks them first.

    The surest examples whose intent comes out right, and stored questions that find themselves.
    """
    spread = examples[:: max(1, len(examples) // 200)]
    understood = understander.understand([example.text for example in spread])
    right = [
        (found.intent.probability, example)
        for found, example in zip(understood, spread, strict=True)
        if found.intent.name == example.intent
    ]
    right.sort(key=lambda item: -item[0])
    smoke = [{"text": example.text, "intent": example.intent} for _, example in right[:SMOKE_INTENTS]]
    pairs = list(islice(retriever.pairs(), SMOKE_PAIRS * 10))
    embeddings = understander.encoder.encode([pair.question for pair in pairs]).embeddings
    queries = [Query(text=p.question, embedding=row) for p, row in zip(pairs, embeddings, strict=True)]
    found = [
        {"text": pair.question, "pair_id": pair.id}
        for pair, hits in zip(pairs, retriever.search(queries, 1), strict=True)
        if hits and hits[0].pair.id == pair.id and pair.valid_seconds == ALWAYS
    ]
    return smoke + found[:SMOKE_PAIRS]


def _made_before(releases: Releases, wanted: str, whole: str) -> Release | None:
    """The whole release that an earlier training made of the same inputs; what is damaged makes room for another."""
    release_id = releases.first_id(wanted)
    try:
        release = releases.open(release_id)
    except ReleaseError:
        if (releases.folder / release_id).is_dir():
            releases.remove(release_id, lambda: True)
        return None
    return release if release.manifest.fingerprints.get("all") == whole else None


def _previous(releases: Releases) -> Release | None:
    try:
        current = releases.current_id()
        return None if current is None else releases.open(current)
    except ReleaseError:
        return None


def _take_over_warm(previous: Release, releases: Releases, release_id: str) -> None:
    """What a later training can begin from is the same as with the release whose encoder was taken over."""
    kept, own = (releases.data_dir / WARM_FOLDER / name for name in (previous.id, release_id))
    if kept.is_dir() and not own.exists():
        shutil.copytree(kept, own)


def _take_over(previous: Release, part: Path) -> dict[str, float]:
    kept = [name for name in EXAMPLE_FILES if name in previous.manifest.files]
    for name in (*INTENT_PARTS, *kept):
        shutil.copyfile(previous.folder / name, part / name)
    shutil.copytree(previous.folder / REPORT_FOLDER, part / REPORT_FOLDER, dirs_exist_ok=True)
    return dict(previous.manifest.figures)
