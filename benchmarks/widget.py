"""How soon the chat widget can be used, how large it is, and what axe finds wrong with it.

    python benchmarks/widget.py [--data FOLDER] [--runs 20]

Serves an assistant in a process of its own, and a shop's page of another origin that embeds the widget by its script
tag. Headless Chromium loads the page with an empty cache and, once more, with what it has kept. Interactive means that
the launcher is there and opens the chat: the script has been fetched and run, and the bot has answered with its
settings. It is measured from the request for the script, which comes before the page's own load event. Beside
it: from the same moment for the chat page, until its field can be written in; and from the press on the launcher until
the field has the focus. Then axe looks at the widget in several manners.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

from e2e_assistant import write_assistant
from e2e_servers import Shop
from e2e_visitor import BROWSER_ARGUMENTS, MANNERS, Visitor
from playwright.async_api import Browser, Page, async_playwright

from benchmarks.measuring import Must, console, finish, kefu, served
from bot.api.widget_files import WidgetFiles

INTERACTIVE_MUST_MS = 150.0
SIZE_MUST_KB = 40.0
SETTLED = """() => {
  const script = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/widget.js"));
  const settled = performance.getEntriesByName("kefu-settled")[0];
  return settled ? settled.startTime - script.startTime : null;
}"""
OPENING = """() => new Promise((done) => {
  const root = document.querySelector("kefu-chat").shadowRoot;
  const began = performance.now();
  root.querySelector(".launcher").click();
  const isThere = () => root.activeElement?.matches("textarea:enabled");
  const look = () => (isThere() ? done(performance.now() - began) : setTimeout(look));
  look();
})"""


def main() -> int:
    """Runs the benchmark; the exit code says whether what must be reached was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Data folder with the trained assistant; trained afresh if left out")
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, shop = Path(name), Shop()
        widget = {"origins": [shop.origin], "survey": True, "greeting": True, "uploads": True}
        root = write_assistant(folder / "assistant", credentials={"widget": widget})
        data = options.data or folder / "data"
        if options.data is None:
            kefu("train", root, "--data", data)
        with served(root, data, folder / "widget.log") as server:
            shop.bot = server.address
            figures = {"size": size(), **asyncio.run(measure(shop, options.runs))}
    return report(figures)


def size() -> dict[str, float]:
    """Of the script that a page loads, in thousands of bytes."""
    script = WidgetFiles().script
    return {"raw_kb": round(len(script.raw) / 1e3, 1), "gzip_kb": round(len(script.zipped) / 1e3, 1)}


async def measure(shop: Shop, runs: int) -> dict[str, Any]:
    """Everything for which it takes a browser."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("There is no Chromium on this machine; install the package chromium.")
    await shop.start()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        times = await time_to_use(browser, shop, runs)
        wrong = {manner: await look(browser, shop, manner) for manner in MANNERS}
        await browser.close()
    await shop.stop()
    return {"runs": runs, "ms": times, "axe_violations": wrong}


async def time_to_use(browser: Browser, shop: Shop, runs: int) -> dict[str, dict[str, float]]:
    """Milliseconds until the widget can be used; the first run, in which everything starts, is left out."""
    spent: dict[str, list[float]] = {"cold": [], "warm": [], "chat_page": [], "opening": []}
    for _ in range(runs + 1):
        context = await browser.new_context()
        page = await context.new_page()
        for name in ("cold", "warm"):
            await page.goto(shop.origin)
            spent[name].append(await settled(page))
        spent["opening"].append(await page.evaluate(OPENING))
        await context.close()
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{shop.bot}/chat")
        spent["chat_page"].append(await settled(page))
        await context.close()
    return {name: percentiles(values[1:]) for name, values in spent.items()}


async def settled(page: Page) -> float:
    """When the widget was ready, after the request for its script."""
    await page.wait_for_function("() => performance.getEntriesByName('kefu-settled').length")
    return float(await page.evaluate(SETTLED))


def percentiles(values: list[float]) -> dict[str, float]:
    """The median and the slow end."""
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}


async def look(browser: Browser, shop: Shop, manner: str) -> int:
    """How much axe finds wrong with the launcher, with a conversation, and with the survey at its end."""
    context = await browser.new_context(**{"viewport": {"width": 1100, "height": 800}} | MANNERS[manner])
    visitor = Visitor(await context.new_page())
    await visitor.page.goto(f"{shop.origin}/?dir={'rtl' if manner == 'right-to-left' else 'ltr'}")
    await visitor.launcher.wait_for()
    found = await visitor.violations()
    await visitor.open()
    await visitor.ask("Show me the price list of delivery", "SPRING-10")
    await visitor.ask("thanks", "Here are some ideas")
    found += await visitor.violations()
    await visitor.page.get_by_role("button", name="End chat").click()
    await visitor.page.locator("kefu-chat .survey").wait_for()
    found += await visitor.violations()
    await context.close()
    for one in found:
        console.print(f"[red]{manner}: {one}[/red]")
    return len(found)


def report(figures: dict[str, Any]) -> int:
    """Prints, writes and judges."""
    times, wrong = figures["ms"], figures["axe_violations"]
    titles = {
        "cold": "embedded, nothing kept",
        "warm": "embedded, files kept",
        "chat_page": "the chat page, nothing kept",
        "opening": "from the press to the field",
    }
    rows = [("", "median", "p95")]
    rows += [(title, f"{times[name]['p50']:.0f} ms", f"{times[name]['p95']:.0f} ms") for name, title in titles.items()]
    rows += [("size, gzip and raw", f"{figures['size']['gzip_kb']} kB", f"{figures['size']['raw_kb']} kB")]
    rows += [(f"axe, {manner}", str(count), "") for manner, count in wrong.items()]
    musts = [
        Must(name="time to interactive, ms", value=times["cold"]["p50"], limit=INTERACTIVE_MUST_MS, at_most=True),
        Must(name="of the chat page, ms", value=times["chat_page"]["p50"], limit=INTERACTIVE_MUST_MS, at_most=True),
        Must(name="size, gzip, kB", value=figures["size"]["gzip_kb"], limit=SIZE_MUST_KB, at_most=True),
        Must(name="axe violations", value=sum(wrong.values()), limit=0, at_most=True),
    ]
    console.print("Measured on one machine: browser, bot and shop share its cores.")
    return finish("widget", rows, figures, musts)


if __name__ == "__main__":
    sys.exit(main())
