"""The assistant that is talked to in a browser: the starter with answers that hold everything a widget can show."""

import csv
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from configs import MINIMAL
from configs.opening_hours import DAYS

MARKDOWN = """**Delivery** costs EUR 4.90 and is free from EUR 50.

| to | days |
|---|---|
| Germany | 2-4 |
| Norway | 4-7 |

1. Order before *noon*.
2. Follow it at [the carrier](https://carrier.example/track).

Your code is `SPRING-10`."""
HOSTILE = """<script>window.ran = 1</script> <img src=x onerror="window.ran = 2">
<svg onload="window.ran = 3"><text>x</text></svg>
[press](javascript:window.ran=4) [data](data:text/html,<script>window.ran=5</script>) \u202etxt.exe\u202c
<button onclick="window.ran = 6">Spoofed</button> <iframe src="javascript:window.ran=7"></iframe>
![x](javascript:window.ran=8)"""
PAIRS = {
    "Show me the price list of delivery": MARKDOWN,
    "What would an attacker put into an answer?": HOSTILE,
    "How long is the longest word?": "W" * 5_000 + "\n\n" + "# " * 200 + "\n" + "> " * 100 + "deep\n" + "\u0301" * 500,
}
CARDS = [
    {
        "title": "Blue bowl",
        "subtitle": "Stoneware, 24 cm",
        "buttons": [
            {"title": "Where is it?", "payload": "/track_order"},
            {"title": "See it", "url": "https://shop.example/bowl"},
        ],
    },
    {"title": "Green vase", "subtitle": "Glass, 30 cm", "buttons": [{"title": "Return it", "payload": "/return_item"}]},
    {"title": "Lamp", "subtitle": "Brass"},
]


def write_assistant(
    folder: Path, *, image: str = "", is_closed: bool = False, credentials: dict[str, Any] | None = None
) -> Path:
    """The assistant in `folder`; what it was taught of intents is the starter's, so that its encoder is taken over.

    Args:
        is_closed: Whether nobody is there for the next days.
    """
    shutil.copytree(MINIMAL, folder, dirs_exist_ok=True)
    config = yaml.safe_load((folder / "config.yml").read_text("utf-8"))
    config["kefu"]["handoff"] = {"enabled": True, "intents": ["talk_to_human"], "wait_minutes": 10}
    if is_closed:
        config["kefu"]["handoff"]["hours"] = {DAYS[(datetime.now(UTC).weekday() + 3) % 7]: "09:00-10:00"}
    (folder / "config.yml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    domain = yaml.safe_load((folder / "domain.yml").read_text("utf-8"))
    said = domain["responses"]
    said["utter_greet"] = said["utter_greet"][:1]
    said["utter_thank"] = [{"text": "You're welcome! Here are some ideas.", "elements": CARDS}]
    said["utter_goodbye"] = [{"text": "Goodbye!", **({"image": image} if image else {})}]
    said["utter_handoff"] = [{"text": "I'll get you a person."}]
    said["utter_handoff_returned"] = [{"text": "I'm back. Is there anything else?"}]
    (folder / "domain.yml").write_text(yaml.safe_dump(domain, allow_unicode=True), "utf-8")
    _add_pairs(folder / "knowledge" / "history.csv")
    if credentials is not None:
        (folder / "credentials.yml").write_text(yaml.safe_dump(credentials, allow_unicode=True), "utf-8")
    return folder


def _add_pairs(path: Path) -> None:
    with path.open("a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        for number, (question, answer) in enumerate(PAIRS.items()):
            rows.writerow([f"e{number}", question, answer, "", "", "en", "chat", "2026-01-12"])
