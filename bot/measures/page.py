"""What the templates of figures are given, and a report that is one file."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from bot.measures.chart import spark
from bot.measures.charts import charts_of
from bot.measures.headlines import headlines
from bot.measures.heat import heat_of
from bot.measures.measures import Measures
from bot.measures.share import percent
from bot.pages.layout import environment
from bot.pages.static_files import STATIC_FOLDERS
from bot.stores.turn_counting import QUESTIONS

LISTED = 10
STYLES = tuple(folder / name for folder, name in zip(STATIC_FOLDERS, ("pages.css", "dashboard.css"), strict=True))


def page_values(measures: Measures, titles: Mapping[str, str]) -> dict[str, Any]:
    """What `figures.html` shows.

    Args:
        titles: What intents are called among people.
    """
    period = measures.period
    return {
        "measures": measures,
        "headlines": headlines(measures),
        "charts": charts_of(measures),
        "heat": heat_of(measures),
        "since": period.local(period.since).strftime("%Y-%m-%d %H:%M"),
        "until": period.local(period.until).strftime("%Y-%m-%d %H:%M"),
        "zone": str(period.zone),
        "outcomes": QUESTIONS,
        "titles": titles,
        "listed": LISTED,
        "percent": percent,
        "spark": spark,
    }


def standalone_page(measures: Measures) -> str:
    """The figures as one HTML file, which needs nothing else."""
    style = Markup("\n".join(path.read_text("utf-8") for path in STYLES))  # noqa: S704 - files of ours
    asked = {"channel": measures.only.channel, "intent": measures.only.intent}
    only = " and ".join(f"{name} {value}" for name, value in asked.items() if value)
    return environment().get_template("report.html").render(**page_values(measures, {}), style=style, only=only)
