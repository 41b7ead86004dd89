"""The simulated venue: pure, deterministic, pessimistic where reality is unknown."""

from regimeflow.venue.fees import FeeSchedule
from regimeflow.venue.model import ExecutionModel, RealismChecklist, RealismItem
from regimeflow.venue.schedule import SimSchedule
from regimeflow.venue.sim import SimVenue

__all__ = [
    "ExecutionModel",
    "FeeSchedule",
    "RealismChecklist",
    "RealismItem",
    "SimSchedule",
    "SimVenue",
]
