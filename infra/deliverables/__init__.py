"""Deliverables: what is made of a project for people, of what the API tells whoever asks."""

from infra.deliverables.charts import CHARTS

DELIVERABLES = CHARTS
