"""The `kefu` command. Heavy imports stand inside the commands, so that `kefu run` starts without torch."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer
from rich.console import Console
from rich.markup import escape

from bot.data_commands import data_app
from bot.data_folder import DataOption, data_dir
from bot.db_commands import db_app
from bot.erase_command import erase
from bot.experiment_commands import releases_app
from bot.export_command import export
from bot.groups_command import groups as groups_command
from bot.knowledge_commands import knowledge_app
from bot.refresh_command import refresh
from bot.report_command import report as report_command
from bot.review_command import review
from bot.runs_command import runs_app
from configs.assistant import STARTER, STARTERS, copy_assistant, read_assistant
from configs.assistant_config import Method
from configs.errors import AssistantError, KefuError, SettingsError
from configs.learned import LEARNED_FOLDER
from configs.settings import LogFormat, LogLevel, Settings, load_settings, unknown_variables
from configs.yaml_file import nearest

app = typer.Typer(
    help="A self-hosted customer-service bot that runs Rasa projects.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(data_app, name="data")
app.add_typer(db_app, name="db")
app.add_typer(knowledge_app, name="knowledge")
app.command()(refresh)
app.add_typer(runs_app, name="runs")
app.add_typer(releases_app, name="releases")
app.command("report")(report_command)
app.command("groups")(groups_command)
app.command()(review)
app.command()(erase)
app.command()(export)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AssistantArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[ASSISTANT]",
        help="Folder in Rasa's project layout; the starter, an online shop, if left out.",
    ),
]


def main() -> None:
    """Runs the command; a mistake a person can mend ends in one line and exit code 1."""
    try:
        app()
    except KefuError as error:
        _end(str(error))
    except OSError as error:
        if error.filename is None:  # no file that a person could mend
            raise
        _end(f"{error.filename}: {error.strerror}.")


def _say(text: str) -> None:
    """Prints `text` as it is: a path in it can be copied, and is never markup."""
    out.print(escape(text), soft_wrap=True)


def _note(text: str) -> None:
    err.print(f"[yellow]note:[/yellow] {escape(text)}", soft_wrap=True)


def _end(message: str) -> NoReturn:
    err.print(f"[red]kefu:[/red] {escape(' '.join(message.splitlines()))}", soft_wrap=True)
    sys.exit(1)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; new or empty.")],
    starter: Annotated[str, typer.Option(help="minimal, shop, or shop-zh (Chinese).")] = "minimal",
) -> None:
    """Write an assistant to start from: a small one, an online shop, or a shop in Chinese.

    [dim]Examples:[/dim]  kefu init mybot    kefu init mybot --starter shop-zh
    """
    if starter not in STARTERS:
        raise SettingsError(
            f"--starter is {starter!r}. Write one of {', '.join(STARTERS)}.{nearest(starter, STARTERS)}"
        )
    copy_assistant(STARTERS[starter], folder)
    what = "a small assistant" if starter == "minimal" else f"the starter {starter}"
    _say(f"Wrote {what} to {folder}. Next: kefu train {folder}, then kefu run {folder}")


@app.command()
def train(
    assistant: AssistantArgument = None,
    data: DataOption = None,
    force: Annotated[bool, typer.Option("--force", help="Train although nothing has changed.")] = False,
    method: Annotated[
        Method | None, typer.Option("--method", help="Instead of kefu.training.intent.method, for this training.")
    ] = None,
    wandb: Annotated[
        bool, typer.Option("--wandb", envvar="KEFU_WANDB", help="Log to Weights & Biases too; needs the extra wandb.")
    ] = False,
    mlflow: Annotated[
        bool, typer.Option("--mlflow", envvar="KEFU_MLFLOW", help="Log to MLflow too; needs the extra mlflow.")
    ] = False,
) -> None:
    """Train an assistant and make it the one that is served.

    [dim]Examples:[/dim]  kefu train    kefu train mybot    kefu train mybot --force --method lora
    """
    train_and_promote(assistant or STARTER, data, force=force, method=method, wandb=wandb, mlflow=mlflow)


@app.command()
def tune(
    assistant: AssistantArgument = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="Trials to begin, besides earlier ones.")] = 20,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds after which no trial is begun.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Look for the training settings that suit an assistant's examples.

    [dim]Examples:[/dim]  kefu tune    kefu tune mybot --trials 50    kefu tune mybot --timeout 3600
    """
    _need_training_extra()
    from bot.training_progress import show_progress
    from bot.tune_command import print_tuned
    from nlu.checkpoint import find_checkpoint
    from training.tune import tune as search

    root = assistant or STARTER
    read = read_assistant(root)
    checkpoint = find_checkpoint(read.config.encoder, read.root)
    with show_progress(err) as report:
        tuned = search(read, checkpoint, data_dir(root, data) / "tune", report, trials=trials, timeout_s=timeout_s)
    print_tuned(tuned, out)
    if tuned.stopped:
        _say("Stopped. What is done is kept: the same command goes on.")


@app.command()
def run(
    assistant: AssistantArgument = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.")] = None,
    data: DataOption = None,
    train_first: Annotated[bool, typer.Option("--train", help="Train first if no release can be served.")] = False,
    log_format: Annotated[LogFormat | None, typer.Option(help="How log lines are written.")] = None,
) -> None:
    """Serve an assistant over HTTP.

    [dim]Examples:[/dim]  kefu run    kefu run mybot --host 0.0.0.0 --port 8080    kefu run --train
    """
    root = _existing(assistant or STARTER)
    settings = load_settings(host=host, port=port, data_dir=data, log_format=log_format)
    from bot.api.auth import refuse_open_api

    refuse_open_api(settings)  # before a training is begun for it
    _prepare(settings)
    folder = data_dir(root, data)
    if train_first and not _has_release(folder):
        # In a process of its own: what training loads would otherwise stay in the server's memory.
        _train_in_child(root, folder)
    from bot.server import serve
    from training.releases import Releases

    def ready(address: str, seconds: float) -> None:
        out.print(f"Kefu answers at [bold]{address}[/bold], {seconds:.2f} s after process start.", soft_wrap=True)
        out.print(f"Talk to it at [bold]{address}/chat[/bold]. Stop with Ctrl+C.", soft_wrap=True)

    asyncio.run(serve(settings, Releases(folder), root, ready))


@app.command()
def shell(
    assistant: AssistantArgument = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show why each answer was given.")] = False,
    data: DataOption = None,
) -> None:
    """Chat in the terminal.

    [dim]Examples:[/dim]  kefu shell    kefu shell mybot --explain
    """
    settings = load_settings(log_level=LogLevel.WARNING)
    _prepare(settings)
    from bot.app import actions_of
    from bot.shell import chat

    host = _engine_host(assistant, data)
    asyncio.run(chat(host, actions_of(assistant or STARTER, settings), out, explain=explain))


@app.command()
def evaluate(
    questions: Annotated[Path, typer.Option("--questions", help="JSON Lines: text and accepted outcomes.")],
    assistant: AssistantArgument = None,
    data: DataOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for the figures and the picture; in the data folder if left out."),
    ] = None,
) -> None:
    """Measure how often an assistant answers, and how often it is wrong.

    [dim]Example:[/dim]  kefu evaluate --questions tests/data/shop_questions.jsonl
    """
    _prepare(load_settings(log_level=LogLevel.WARNING))
    _need_training_extra()
    from bot.evaluation import ask_all, print_evaluation
    from training.evaluation import evaluate as count
    from training.evaluation import read_questions, write_evaluation

    engine = _engine_host(assistant, data).engine
    asked = read_questions(questions, engine.understander.intents.labels, list(engine.retriever.pairs()))
    evaluation = count(ask_all(engine, asked))
    folder = output or data_dir(assistant or STARTER, data) / "evaluations" / engine.id
    write_evaluation(evaluation, folder)
    print_evaluation(evaluation, out)
    _say(engine.promised.finding.sentence)
    _say(f"Figures and picture: {folder}/evaluation.json, {folder}/risk_coverage.png")


@app.command()
def parse(
    text: Annotated[str, typer.Argument(help="A customer's message.")],
    assistant: AssistantArgument = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show why: words, rivals, nearest examples.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the HTTP API answers.")] = False,
    data: DataOption = None,
) -> None:
    """Show how a message is understood.

    [dim]Examples:[/dim]  kefu parse "where is my parcel"    kefu parse "where is my parcel" mybot --explain
    """
    settings = load_settings(log_level=LogLevel.WARNING)
    _prepare(settings)
    from bot.parse_command import print_reading
    from bot.parse_data import explained_parse_data
    from bot.request_body import checked_text

    checked = checked_text(text, "text", settings.max_text_chars)
    engine = _engine_host(assistant, data).engine
    reading = engine.parse(engine.read([checked])[0], explained=explain)
    if as_json:
        out.print_json(data=explained_parse_data(reading))
    else:
        print_reading(reading, out)


def train_and_promote(
    root: Path,
    data: Path | None,
    *,
    force: bool,
    method: Method | None = None,
    wandb: bool = False,
    mlflow: bool = False,
) -> None:
    """Trains with a progress bar and says what came of it."""
    _need_training_extra()
    from bot.training_progress import show_progress
    from training.frozen import without_set_aside
    from training.releases import Releases
    from training.trainer import train_assistant, with_intent_settings
    from training.workspace import kept

    releases = Releases(data_dir(root, data))
    assistant = without_set_aside(read_assistant(root, releases.data_dir / LEARNED_FOLDER), releases.data_dir)
    if method is not None:
        assistant = with_intent_settings(assistant, method=method)
    for notice in assistant.notices:
        _note(notice)
    try:
        with show_progress(err) as report:
            trained = train_assistant(assistant, releases, report, force=force, wandb=wandb, mlflow=mlflow, note=_note)
    except KeyboardInterrupt:
        on = "the same command goes on from there" if kept(releases.data_dir / "work") else "no epoch was done yet"
        _end(f"Stopped before a release was made; {on}.")
    manifest = trained.release.manifest
    if not trained.fresh:
        _say(f"Nothing has changed since release {manifest.id}; it is served. Train all the same with --force.")
        return
    how = "" if trained.fitted else " The encoder was taken over: no example or training setting has changed."
    figures = manifest.figures
    _say(
        f"Release {manifest.id}: {manifest.intent_count} intents, {manifest.pair_count} past answers, "
        f"{figures['validation_accuracy']:.1%} of the examples set aside understood "
        f"(frozen encoder: {figures['frozen_accuracy']:.1%}), {trained.seconds:.0f} s.{how}"
    )
    _say(f"Report: {trained.release.folder}/report/report.md")


def _engine_host(assistant: Path | None, data: Path | None) -> Any:
    from bot.model_host import ModelHost
    from training.releases import Releases

    return ModelHost(Releases(data_dir(_existing(assistant or STARTER), data)))


def _existing(root: Path) -> Path:
    if not root.is_dir():
        raise AssistantError(root, None, "there is no such folder", "Make one with `kefu init DIR`.")
    return root


def _has_release(folder: Path) -> bool:
    from training.releases import Releases

    return next(Releases(folder).candidates(), None) is not None


def _train_in_child(root: Path, folder: Path) -> None:
    import subprocess

    command = [sys.executable, "-m", "bot.cli", "train", str(root), "--data", str(folder)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own command
        raise KefuError("The training failed; see above.")


def _prepare(settings: Settings) -> None:
    from bot.logging import set_up_logging

    set_up_logging(settings)
    for line in unknown_variables(dict(os.environ)):
        structlog.get_logger().warning("unknown_setting", message=line)


def _need_training_extra() -> None:
    from importlib.util import find_spec

    needed = ("matplotlib", "onnx", "onnxscript", "optuna", "peft", "sklearn", "tensorboard")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise KefuError(f"{', '.join(missing)} is not installed. Run `pip install 'kefu[train]'`.")


if __name__ == "__main__":
    main()
