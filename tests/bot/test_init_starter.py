"""`kefu init --starter`: which of the shipped assistants is written."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from configs import STARTERS, SettingsError, read_assistant


def init(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["init", *map(str, arguments)])


@pytest.mark.parametrize(
    ("starter", "language", "intent_count", "said"),
    [
        ("minimal", "en", 8, "Wrote a small assistant to "),
        ("shop", "en", 47, "Wrote the starter shop to "),
        ("shop-zh", "zh", 20, "Wrote the starter shop-zh to "),
    ],
)
def test_the_starter_that_is_named_is_written(
    tmp_path: Path, starter: str, language: str, intent_count: int, said: str
) -> None:
    result = init(tmp_path / "mine", "--starter", starter)

    assert result.exit_code == 0
    assert said in result.output
    written = read_assistant(tmp_path / "mine")
    assert written.language == language
    assert len({example.intent for example in written.examples}) == intent_count


def test_every_shipped_starter_is_tried_above() -> None:
    assert set(STARTERS) == {"minimal", "shop", "shop-zh"}


def test_without_the_option_it_is_the_small_one(tmp_path: Path) -> None:
    assert init(tmp_path / "mine").exit_code == 0
    assert read_assistant(tmp_path / "mine").domain == read_assistant(STARTERS["minimal"]).domain


def test_an_unknown_starter_is_named_with_those_there_are_and_nothing_is_written(tmp_path: Path) -> None:
    result = init(tmp_path / "mine", "--starter", "shop_zh")

    assert isinstance(result.exception, SettingsError)
    assert str(result.exception) == (
        "--starter is 'shop_zh'. Write one of minimal, shop, shop-zh. Did you mean 'shop-zh'?"
    )
    assert not (tmp_path / "mine").exists()
