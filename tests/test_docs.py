"""The documentation says what the code does: each setting, key, command, route, column and file, and its default."""

import json
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import pytest
import typer.main
from aiohttp.test_utils import TestClient
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.cli import app
from bot.measures.rows import CSV_COLUMNS
from bot.measures.written import JSON_KEYS
from configs.assistant_config import RASA_KEYS_KNOWN, KefuConfig, parse_config
from configs.domain import RESPONSE_KEYS_USED, SECTIONS_KNOWN
from configs.settings import PREFIX, Settings
from configs.yaml_file import parse_yaml
from nlu.examples import EXAMPLE_FILES
from retrieval.knowledge import COLUMNS, REQUIRED
from training import intent_trainer
from training.evaluation import Evaluation
from training.manifest import MANIFEST_FILE, REQUIRED_FILES, Manifest
from training.report import IntentReport

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

Cells = Mapping[str, str]
Table = dict[str, Cells]

TYPE_WORDS = {
    int: "integer",
    float: "number",
    bool: "boolean",
    str: "text",
    SecretStr: "text",
    Path: "path",
    tuple[str, ...]: "list of texts",
    dict[str, str]: "map of texts",
}
REPORT_FILES = {"report.md", "report.json", "learning_curve.png", "reliability.png", "confusion.png"}
PROMISE_PICTURE = {"promise.png"}  # where there was enough to test a promise on
EVALUATION_FILES = {"evaluation.json", "risk_coverage.png"}


# What a page says


def table(page: str, header: str) -> Table:
    """All tables of `page` whose first column is called `header`: by first cell, the other cells by column."""
    found: Table = {}
    columns: list[str] = []
    for line in page.splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            columns = []
        elif not columns:
            columns = cells
        elif columns[0] == header and not set(line) <= set("|-: "):
            name = cells[0].strip("`")
            assert name not in found, f"{name} stands twice under {header}"
            found[name] = dict(zip(columns[1:], cells[1:], strict=True))
    return found


def section(page: str, title: str) -> str:
    """What stands under the heading `title`, up to the next heading of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ (.+?) *$", without_code(page), re.MULTILINE)


def without_code(page: str) -> str:
    return re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def problems(documented: Mapping[str, Cells], expected: Mapping[str, Cells]) -> list[str]:
    """What `documented` lacks, has too much or says otherwise than `expected`, whose columns are those to compare."""
    said = [f"{name} is not documented" for name in sorted(set(expected) - set(documented))]
    said += [f"{name} is documented but does not exist" for name in sorted(set(documented) - set(expected))]
    for name in sorted(set(expected) & set(documented)):
        for column, value in expected[name].items():
            if (cell := documented[name].get(column)) != value:
                said.append(f"{name}: {column} is {cell!r} in the docs, {value!r} in the code")
    return said


# What the code says


def cells_of(field: FieldInfo) -> Cells:
    kind, limits = kind_of(field)
    choices = choices_of(kind)
    several = "list of words" if get_origin(kind) is tuple else "word"
    return {
        "Type": several if choices else TYPE_WORDS[kind],
        "Range": ", ".join(f"`{choice}`" for choice in choices) or range_of(limits),
        "Default": code(field.get_default(call_default_factory=True)),
    }


def kind_of(field: FieldInfo) -> tuple[Any, list[Any]]:
    """What a value is where there is one, and its limits."""
    kind, limits = field.annotation, list(field.metadata)
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Annotated:
        kind, *marks = get_args(kind)
        limits += [limit for mark in marks for limit in (mark.metadata if isinstance(mark, FieldInfo) else [mark])]
    return kind, limits


def choices_of(kind: Any) -> list[str]:
    """The words there are for a value, or for each of a list's; none where any will do."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return [choice.value for choice in kind]
    return [word for part in get_args(kind) if get_origin(part) is Literal for word in get_args(part)]


def range_of(given: Iterable[Any]) -> str:
    words = {
        annotated_types.Ge: "`{}`",
        annotated_types.Gt: "above `{}`",
        annotated_types.Le: "to `{}`",
        annotated_types.Lt: "to below `{}`",
    }
    limits = {type(limit): limit for limit in given}
    if annotated_types.MinLen in limits:
        least = limits[annotated_types.MinLen].min_length
        return "not empty" if least == 1 else f"`{least}` characters or more"
    said = [
        form.format(number(getattr(limits[kind], kind.__name__.lower())))
        for kind, form in words.items()
        if kind in limits
    ]
    return " ".join(said) or "any"


def code(default: object) -> str:
    match default:
        case None | "":
            return "not set"
        case bool():
            return f"`{str(default).lower()}`"
        case int() | float():
            return f"`{number(default)}`"
        case tuple() | dict():
            return f"`{json.dumps(default)}`"
        case _:
            return f"`{default}`"


def number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def leaves(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", field


def parameters(command: Any) -> Table:
    found: Table = {}
    for parameter in command.params:
        if parameter.param_type_name == "option":
            names = [*parameter.opts, *parameter.secondary_opts]
        else:
            names = [(parameter.metavar or parameter.name.upper()).strip("[]")]
        setting = Settings.model_fields.get(parameter.name)
        if parameter.required:
            default = {"Default": "required"}
        elif getattr(parameter, "is_flag", False):
            default = {"Default": "on" if parameter.default else "off"}
        elif setting is not None:
            default = {"Default": f"`{PREFIX}{parameter.name.upper()}`, or {cells_of(setting)['Default']}"}
        elif parameter.default is not None:
            default = {"Default": code(parameter.default)}
        else:
            default = {}
        found |= dict.fromkeys(names, default)
    return found


def commands_of(group: Any, prefix: str = "") -> dict[str, Any]:
    """Commands by name; one of a group is called by the names of both."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found |= commands_of(command, f"{prefix}{name} ") if hasattr(command, "commands") else {prefix + name: command}
    return found


COMMANDS = commands_of(typer.main.get_command(app))


def names(found: Iterable[str]) -> Table:
    return {name: {} for name in found}


def keys(kind: type, *left_out: str) -> Table:
    return names(field.name for field in fields(kind) if field.name not in left_out)


# Which page says which


@dataclass(frozen=True)
class Check:
    """One table of the reference and what it must say.

    Attributes:
        title: The heading under which it stands, or "" for the whole page.
    """

    page: str
    header: str
    expected: Table
    title: str = ""

    def documented(self, page: str | None = None) -> Table:
        page = (DOCS / self.page).read_text("utf-8") if page is None else page
        return table(section(page, self.title) if self.title else page, self.header)


CHECKS = {
    "settings": Check(
        "reference/settings.md",
        "Variable",
        {f"{PREFIX}{name.upper()}": cells_of(field) for name, field in Settings.model_fields.items()},
    ),
    "config": Check(
        "reference/config.md", "Key", {name: cells_of(field) for name, field in leaves(KefuConfig, "kefu")}
    ),
    "rasa keys": Check("reference/config.md", "Rasa key", names(RASA_KEYS_KNOWN - {"kefu"})),
    "domain": Check("reference/config.md", "Domain section", names(SECTIONS_KNOWN)),
    "responses": Check("reference/config.md", "Response key", names(RESPONSE_KEYS_USED)),
    "columns": Check(
        "reference/knowledge.md",
        "Column",
        {column: {"Needed": "yes" if column in REQUIRED else "no"} for column in COLUMNS},
    ),
    "release files": Check("reference/release.md", "File", names({*REQUIRED_FILES, MANIFEST_FILE, "report/"})),
    "manifest": Check("reference/release.md", "Field", names(Manifest.model_fields)),
    "report files": Check("reference/reports.md", "File", names(REPORT_FILES | PROMISE_PICTURE | EVALUATION_FILES)),
    "report": Check("reference/reports.md", "Key of `report.json`", keys(IntentReport, "true", "predicted")),
    "evaluation": Check("reference/reports.md", "Key of `evaluation.json`", keys(Evaluation)),
    "figures": Check("reference/reports.md", "Key of the figures", names(JSON_KEYS)),
    "figures csv": Check("reference/reports.md", "Column of the figures", names(CSV_COLUMNS)),
    **{
        f"kefu {name}": Check("reference/commands.md", "Argument or option", parameters(command), title=f"kefu {name}")
        for name, command in COMMANDS.items()
    },
}
every_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())


@every_check
def test_the_reference_says_what_the_code_does(check: Check) -> None:
    assert check.expected
    assert problems(check.documented(), check.expected) == []


@every_check
def test_no_row_of_the_reference_can_be_missing_or_made_up(check: Check) -> None:
    page = (DOCS / check.page).read_text("utf-8")
    for name in check.expected:
        row = re.compile(rf"^\| `{re.escape(name)}` \|.*\n", re.MULTILINE)
        for mutant in (row.sub("", page), page.replace(f"| `{name}` |", "| `gone` |")):
            assert f"{name} is not documented" in problems(check.documented(mutant), check.expected)
    made_up = {**check.documented(), "made_up": {}}
    assert problems(made_up, check.expected) == ["made_up is documented but does not exist"]


@every_check
def test_no_cell_of_the_reference_can_differ(check: Check) -> None:
    for name, cells in check.expected.items():
        for column in cells:
            documented = check.documented()
            documented[name] = {**documented[name], column: "something else"}
            assert len(problems(documented, check.expected)) == 1


def test_what_is_chosen_where_the_owner_does_not_is_documented() -> None:
    config = CHECKS["config"].documented()
    few = f"with fewer than {intent_trainer.FEW_EXAMPLES:,} examples to learn from"
    epochs = f"{intent_trainer.MAX_EPOCHS_OF_FEW} {few}, else {intent_trainer.MAX_EPOCHS_OF_MANY}"
    faster = intent_trainer.LEARNING_RATE * intent_trainer.FASTER_ADAPTERS
    rate = f"{intent_trainer.LEARNING_RATE:g}, and with `lora` and `bitfit` {faster:g}"
    assert epochs in config["kefu.training.intent.max_epochs"]["Meaning"]
    assert rate in config["kefu.training.intent.learning_rate"]["Meaning"]


def test_every_command_is_documented_and_no_other() -> None:
    page = (DOCS / "reference/commands.md").read_text("utf-8")
    documented = names(title.removeprefix("kefu ") for title in headings(page) if title.startswith("kefu "))
    assert problems(documented, names(COMMANDS)) == []
    assert problems({**documented, "sing": {}}, names(COMMANDS))


async def test_every_route_is_documented_and_no_other(client: TestClient) -> None:
    application = client.app
    assert application is not None
    served = names(
        f"{route.method} {route.resource.canonical}"
        for route in application.router.routes()
        if route.method != "HEAD" and route.resource is not None
    )
    page = (DOCS / "reference/http-api.md").read_text("utf-8")
    documented = names(title for title in headings(page) if re.match(r"[A-Z]+ /", title))
    assert problems(documented, served) == []
    for route in served:
        assert problems({name: {} for name in documented if name != route}, served)


def test_every_reason_of_an_error_is_documented_with_its_status() -> None:
    raised = {
        match
        for path in (ROOT / "bot").rglob("*.py")
        for match in re.findall(r"\b([45]\d\d),\s*\"([A-Z][A-Za-z]+)\"", path.read_text("utf-8"))
    } | {("404", "NotFound"), ("405", "MethodNotAllowed")}
    page = section((DOCS / "reference/http-api.md").read_text("utf-8"), "Errors")
    documented = set(re.findall(r"^\| (\d\d\d) \| `(\w+)` \|", page, re.MULTILINE))
    assert len(raised) > 8
    assert documented == raised
    shown = {str(json.loads(block)["code"]) for block in code_blocks(page, "json")}
    assert shown == {status for status, _ in raised}


def test_what_a_training_and_an_evaluation_write_is_documented(trained_dir: Path) -> None:
    release = next((trained_dir / "releases").iterdir())
    assert {path.name for path in (release / "report").iterdir()} == REPORT_FILES
    written = {path.name for path in release.iterdir() if path.is_file()}
    assert written == {*REQUIRED_FILES, *EXAMPLE_FILES, MANIFEST_FILE}


def slug(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def dead_links(page: str, path: Path) -> list[str]:
    """The links of `page` that lead nowhere, were it at `path`."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "code", without_code(page))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name
        text = target.read_text("utf-8") if target.suffix == ".md" and target.is_file() else page
        if not target.exists() or (anchor and anchor not in map(slug, headings(text))):
            dead.append(link)
    return dead


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    assert dead_links(path.read_text("utf-8"), path) == []


def test_a_dead_link_is_found() -> None:
    page = "# A b\n[x](nowhere.md) [y](quickstart.md#nothing) [z](#a-b) [v](#c) [w](quickstart.md) <http://x.example>"
    assert dead_links(page, DOCS / "page.md") == ["nowhere.md", "quickstart.md#nothing", "#c"]


def test_every_page_is_listed_in_the_index() -> None:
    listed = set(re.findall(r"\]\(([^)#\s]+)", (DOCS / "README.md").read_text("utf-8")))
    assert {str(path.relative_to(DOCS)) for path in PAGES[1:]} - {"README.md"} == listed


Parse = Callable[[str, Path], object]


def parse_json(block: str, _: Path) -> object:
    return json.loads(block)


def parse_settings(block: str, path: Path) -> object:
    file = parse_yaml(block, path)
    return parse_config(file) if isinstance(file.data, dict) and "kefu" in file.data else file


@pytest.mark.parametrize(("language", "parse"), [("json", parse_json), ("yaml", parse_settings)])
def test_every_block_can_be_read_by_what_it_is_for(language: str, parse: Parse) -> None:
    blocks = [(block, path) for path in PAGES for block in code_blocks(path.read_text("utf-8"), language)]
    assert len(blocks) > 5
    for block, path in blocks:
        parse(block, path)


@pytest.mark.parametrize(
    ("parse", "block"), [(parse_json, '{"a": }'), (parse_settings, "kefu:\n  policy:\n    no_such_threshold: 1\n")]
)
def test_a_block_that_cannot_be_read_is_found(parse: Parse, block: str) -> None:
    (found,) = code_blocks(f"```x\n{block}\n```\n", "x")
    with pytest.raises(Exception, match=r"Expecting value|no_such_threshold"):
        parse(found, DOCS / "page.md")
