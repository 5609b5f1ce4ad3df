"""The shop's orders and returns, in an SQLite file that is made with a few sample orders on first use.

A shop of your own puts its order system here. It should also ask for something that only the customer knows, such as
the postcode, before it tells anything of an order.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

FOLDER_VARIABLE = "SHOP_DATABASE_DIR"
FILE_NAME = "shop.db"
RETURN_DAYS = 30

# Number, status, carrier, and in how many days from today it arrives (or arrived).
SAMPLE_ORDERS = [
    ("FW-210774", "packing", "DHL", 3),
    ("FW-482913", "on_its_way", "PostNL", 1),
    ("FW-514790", "delivered", "DHL", -5),
    ("FW-602284", "delivered", "PostNL", -12),
    ("FW-337120", "delivered", "DHL", -45),
]
SAMPLE_RETURNS = [("FW-602284", "It is too small.")]

TABLES = """
CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, status TEXT, carrier TEXT, delivery_day TEXT) STRICT;
CREATE TABLE IF NOT EXISTS returns (id INTEGER PRIMARY KEY, order_number TEXT UNIQUE, reason TEXT) STRICT;
"""


class ShopUnavailable(Exception):
    """The database cannot be read or written."""


@dataclass(frozen=True)
class Order:
    """What the shop knows of an order; `return_number` is set once a return has been opened."""

    number: str
    status: str
    carrier: str
    delivery_day: date
    return_number: str | None

    @property
    def is_delivered(self) -> bool:
        """Whether the customer has it."""
        return self.status == "delivered"

    def is_too_old(self, today: date) -> bool:
        """Whether it was delivered too long ago to be sent back."""
        return self.is_delivered and today - self.delivery_day > timedelta(days=RETURN_DAYS)


def find_order(number: str) -> Order | None:
    """The order with this number, written in whatever way, or None.

    Raises:
        ShopUnavailable: The database cannot be read.
    """
    digits = "".join(sign for sign in number if sign.isdigit())
    with _database() as database:
        row = database.execute(
            "SELECT number, status, carrier, delivery_day, returns.id FROM orders "
            "LEFT JOIN returns ON order_number = number WHERE number = ?",
            (f"FW-{digits}",),
        ).fetchone()
    if row is None:
        return None
    number, status, carrier, delivery_day, return_id = row
    return_number = None if return_id is None else _return_number(return_id)
    return Order(number, status, carrier, date.fromisoformat(delivery_day), return_number)


def open_return(order_number: str, reason: str) -> str:
    """The number of the return of an order; to open one twice changes nothing.

    Raises:
        ShopUnavailable: The database cannot be written.
    """
    with _database() as database:
        database.execute("INSERT OR IGNORE INTO returns (order_number, reason) VALUES (?, ?)", (order_number, reason))
        (return_id,) = database.execute("SELECT id FROM returns WHERE order_number = ?", (order_number,)).fetchone()
    return _return_number(return_id)


def database_folder() -> Path:
    """Where the file lies: where the variable says, else in the assistant's data folder, else in `.kefu` here."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    data_folder = Path(__file__).resolve().parents[1] / ".kefu"
    return data_folder if data_folder.is_dir() else Path(".kefu")


def _return_number(return_id: int) -> str:
    return f"R-{return_id:05}"


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    """A connection whose changes are kept at the end of the block."""
    folder = database_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(folder / FILE_NAME)) as database, database:
            _fill(database)
            yield database
    except (sqlite3.Error, OSError) as error:
        raise ShopUnavailable(str(error)) from error


def _fill(database: sqlite3.Connection) -> None:
    database.executescript(TABLES)
    if database.execute("SELECT EXISTS (SELECT 1 FROM orders)").fetchone() == (1,):
        return
    today = date.today()
    orders = [(*order, (today + timedelta(days=days)).isoformat()) for *order, days in SAMPLE_ORDERS]
    database.executemany("INSERT OR IGNORE INTO orders VALUES (?, ?, ?, ?)", orders)
    database.executemany("INSERT OR IGNORE INTO returns (order_number, reason) VALUES (?, ?)", SAMPLE_RETURNS)
