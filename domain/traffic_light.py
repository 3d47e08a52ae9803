"""Traffic lights (红绿灯): how a project, or one side of it, is doing."""

from __future__ import annotations

from enum import StrEnum


class TrafficLight(StrEnum):
    """How something is doing (红绿灯)."""

    GREEN = "green"
    """As planned."""
    AMBER = "amber"
    """To be watched."""
    RED = "red"
    """Something is to be decided."""
