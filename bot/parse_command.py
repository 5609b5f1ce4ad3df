"""What `kefu parse` prints: how a message is understood and, if asked for, why."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bot.engine import Reading, fits_an_intent
from bot.parse_data import scope_sentence
from configs.rasa_names import NLU_FALLBACK
from nlu.entities import Entity
from nlu.explanation import Explanation
from nlu.mood import Mood

STRONGEST_WORDS = 5
LEAST_EFFECT = 0.005  # what two decimals show
COLOURS_FOR = ("", "on dark_green", "black on green3")
COLOURS_AGAINST = ("", "on dark_red", "white on red3")


def print_reading(reading: Reading, console: Console) -> None:
    """What is understood of the message; more where `reading` holds an explanation."""
    understanding, policy = reading.understanding, reading.engine.spec.policy
    _line(console, "intent", _intent(reading))
    if len(reading.intents) > 1:
        for span in reading.intents:
            words = understanding.text[span.start : span.end]
            _line(console, "", f"{escape(span.name)} {span.probability:.3f} [dim]in[/dim] {escape(words)!s}")
    for entity in understanding.entities:
        _line(console, "entity", _entity(entity))
    if understanding.mood is not None:
        _line(console, "mood", _mood(understanding.mood))
    _line(console, "scope", scope_sentence(understanding, policy))
    if understanding.uncovered:
        _line(console, "script", f"{understanding.uncovered:.0%} of the letters are in a script the encoder lacks.")
    if reading.explanation is not None:
        _print_explanation(understanding.text, reading.explanation, console)
    if reading.hits:
        console.print(_past_answers(reading))
    _line(console, "release", escape(reading.engine.id))


def _line(console: Console, label: str, said: str) -> None:
    console.print(f"[dim]{label:<8}[/dim] {said}", soft_wrap=True)


def _intent(reading: Reading) -> str:
    understanding, policy = reading.understanding, reading.engine.spec.policy
    likeliest = f"[bold]{escape(understanding.intent.name)}[/bold] {understanding.intent.probability:.3f}"
    if fits_an_intent(understanding, policy):
        return likeliest
    return f"[bold]{NLU_FALLBACK}[/bold] {policy.template_threshold:.3f} [dim]before[/dim] {likeliest}"


def _entity(entity: Entity) -> str:
    role = "".join(f", {name} {value}" for name, value in (("role", entity.role), ("group", entity.group)) if value)
    sure = "" if entity.confidence is None else f" {entity.confidence:.3f}"
    said = f"{entity.entity}{role} = {entity.value}{sure}"
    return f"{escape(said)} [dim]at {entity.start}-{entity.end}, {escape(entity.extractor)}[/dim]"


def _mood(mood: Mood) -> str:
    emotions = ", ".join(f"{name} {share:.2f}" for name, share in mood.emotions.items())
    felt = f", {', '.join(mood.felt)}" if mood.felt else ""
    return f"{mood.sentiment} {mood.sentiments[mood.sentiment]:.3f}{felt} [dim]({emotions})[/dim]"


def _print_explanation(text: str, explanation: Explanation, console: Console) -> None:
    console.print()
    console.print(f"What each word does for [bold]{escape(explanation.rivals[0].name)}[/bold]:", soft_wrap=True)
    console.print(word_bar(text, explanation), soft_wrap=True)
    strongest = sorted(explanation.words, key=lambda word: -abs(word.effect))[:STRONGEST_WORDS]
    named = [(text[w.start : w.end], w.effect) for w in strongest if abs(w.effect) >= LEAST_EFFECT]
    console.print(", ".join(f"{escape(word)} {effect:+.2f}" for word, effect in named) or "No word alone changes it.")
    if explanation.words_left_out:
        console.print(f"[dim]{explanation.words_left_out:,} more words were not tried.[/dim]")
    rivals = Table("intent", "probability", title="Rivals", title_justify="left")
    for score in explanation.rivals:
        rivals.add_row(escape(score.name), f"{score.probability:.3f}")
    console.print(rivals)
    if explanation.examples is None:
        console.print("The release keeps no examples: it is older, or `kefu.training.keep_examples` is false.")
        return
    near = Table("nearest example", "intent", "cosine", title_justify="left")
    for example in explanation.examples:
        near.add_row(escape(example.text), escape(example.intent), f"{example.cosine:.3f}")
    console.print(near)


def word_bar(text: str, explanation: Explanation) -> Text:
    """The message, green where a word speaks for the intent and red where one speaks against it."""
    bar = Text(text)
    strongest = max((abs(word.effect) for word in explanation.words), default=0.0)
    for word in explanation.words:
        if abs(word.effect) >= LEAST_EFFECT:
            shades = COLOURS_FOR if word.effect > 0 else COLOURS_AGAINST
            bar.stylize(shades[2 if abs(word.effect) >= strongest / 2 else 1], word.start, word.end)
    return bar


def _past_answers(reading: Reading) -> Table:
    table = Table("past question", "p", "cosine", title_justify="left")
    for hit in reading.hits:
        table.add_row(escape(f"{hit.pair.id}: {hit.pair.question}"), f"{hit.probability:.3f}", f"{hit.cosine:.3f}")
    return table
