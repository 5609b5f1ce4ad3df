"""The mood of all customers: topic, sentiment and time, and an alert when negative messages surge."""

from bot.monitor.mood_monitor import MoodMonitor, alerts
from bot.monitor.webhook import AlertWebhook, alert_webhook

__all__ = ["AlertWebhook", "MoodMonitor", "alert_webhook", "alerts"]
