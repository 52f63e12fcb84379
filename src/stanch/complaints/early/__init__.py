"""Complaints as they come in -> alarms: more than usual, or a rule of thumb met."""

from stanch.complaints.early.level import Alarm, Watch
from stanch.complaints.early.replay import Replay, replay_complaints
from stanch.complaints.early.settings import EarlySettings

__all__ = ["Alarm", "EarlySettings", "Replay", "Watch", "replay_complaints"]
