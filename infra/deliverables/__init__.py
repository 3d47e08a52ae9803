"""Deliverables: what is made of a project for people, of what the API tells whoever asks."""

from infra.deliverables.calendar import ProjectCalendar
from infra.deliverables.charts import CHARTS

DELIVERABLES = CHARTS
CALENDARS = (ProjectCalendar(),)
"""What programs subscribe to that know only names and passwords."""
