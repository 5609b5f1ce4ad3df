"""What an owner was told of. It names topics and numbers, nobody's conversation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from bot.stores.dialects import one_at_a_time
from bot.stores.tables import alerts as table

_TOLD = select(func.count()).where(
    table.c.kind == bindparam("of_kind"), table.c.topic == bindparam("of_topic"), table.c.found_at > bindparam("after")
)
_SINCE = select(table).where(table.c.found_at >= bindparam("since")).order_by(table.c.found_at, table.c.id)
_SENT = (
    update(table).where(table.c.id == bindparam("alert"), table.c.sent_at.is_(None)).values(sent_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that an owner was told of.

    Attributes:
        kind: What has happened; see `bot.monitor.watching.Kind`.
        topic: As `bot.stores.moods.MoodCount` names it.
        began_at: When it began, as far as can be told, Unix time.
        found_at: When it was sure.
        detail: In numbers; JSON.
        sent_at: When the webhook took it; None before, and where there is none.
        id: 0 where it is not stored yet.
    """

    kind: str
    topic: str
    began_at: float
    found_at: float
    detail: Mapping[str, Any]
    sent_at: float | None = None
    id: int = 0


def write_alert(connection: Connection, alert: Alert, quiet_s: float) -> int | None:
    """Keeps an alert; its id, or None where the like was told within `quiet_s` before, by this process or another."""
    one_at_a_time(connection, f"alert {alert.kind} {alert.topic}")
    named = {"of_kind": alert.kind, "of_topic": alert.topic, "after": alert.found_at - quiet_s}
    if connection.scalar(_TOLD, named):
        return None
    row = {name: getattr(alert, name) for name in ("kind", "topic", "began_at", "found_at")}
    detail = json.dumps(alert.detail, ensure_ascii=False)
    return int(connection.scalar(table.insert().returning(table.c.id), {**row, "detail": detail}) or 0)


def alerts_since(connection: Connection, since: float) -> list[Alert]:
    """All that were found since then, the oldest first."""
    found = connection.execute(_SINCE, {"since": since}).mappings()
    return [Alert(**{**row, "detail": json.loads(row["detail"])}) for row in found]


def mark_sent(connection: Connection, alert_id: int, now: float) -> bool:
    """Notes that the webhook has taken it; False where that was known."""
    return bool(connection.execute(_SENT, {"alert": alert_id, "now": now}).rowcount)
