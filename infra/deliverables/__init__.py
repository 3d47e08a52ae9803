"""Deliverables: what is made of a project for people and for other programs, of what the API tells whoever asks."""

from infra.deliverables.calendar import ProjectCalendar
from infra.deliverables.charts import CHARTS
from infra.deliverables.plans import PlanExport
from infra.deliverables.status import StatusReport

DELIVERABLES = (*CHARTS, PlanExport(), StatusReport())
CALENDARS = (ProjectCalendar(),)
"""What programs subscribe to that know only names and passwords."""
