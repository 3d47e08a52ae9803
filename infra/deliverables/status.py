"""The status report of a project (项目状态报告), as Markdown and as a page of HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from infra.charts.words import Language
from infra.deliverables.charts import BARS, LINKS
from infra.deliverables.pages import Pages
from infra.deliverables.status_document import COMPUTED, PARTS, status_document
from infra.documents.html import html
from infra.documents.markdown import markdown

QUERY: Final = f"""query StatusReport(
  $id: ID!, $asOf: AsOf, $account: Boolean!, $people: Boolean!
  $gantt: Boolean!, $milestoneForecast: Boolean!, $earnedValue: Boolean!
) {{
  subject: project(id: $id, asOf: $asOf) {{
    name goal status startsOn endsOn startedOn completedOn baseline baselinedOn holdReason cancelReason
    account @include(if: $account) {{ name }}
    manager @include(if: $people) {{ name }}
    {LINKS}
    issues(first: 1000, filter: {{status: {{in: [OPEN, ESCALATED]}}}}, orderBy: [{{field: RAISED_ON}}]) {{
      totalCount nodes {{ name severity status raisedOn dueOn owner @include(if: $people) {{ name }} }}
    }}
    statusReports(
      first: 1, filter: {{status: {{eq: PUBLISHED}}}}
      orderBy: [{{field: UNTIL, direction: DESC}}, {{field: SINCE, direction: DESC}}]
    ) {{ nodes {{
      since until done nextSteps problems publishedBy @include(if: $people) {{ name }}
      scope {{ ...told }} time {{ ...told }} cost {{ ...told }} quality {{ ...told }} risk {{ ...told }}
    }} }}
  }}
  projectStatus(projectId: $id, asOf: $asOf) {{ aspect light reasons }}
  gantt(projectId: $id, asOf: $asOf) @include(if: $gantt) {BARS}
  milestoneForecast(projectId: $id, asOf: $asOf) @include(if: $milestoneForecast) {{
    name dueOn expectedOn lateBy reached milestone {{ status }}
  }}
  earnedValue(projectId: $id, asOf: $asOf) @include(if: $earnedValue) {{
    total name bac {{ amount currency }} pv {{ amount currency }} ev {{ amount currency }} ac {{ amount currency }}
    spi cpi eac {{ amount currency }} vac {{ amount currency }}
  }}
  riskRegister(projectId: $id, asOf: $asOf) {{
    name status score exposure {{ amount currency }} response owner @include(if: $people) {{ name }}
  }}
  changeLog(projectId: $id, asOf: $asOf) {{ name status days cost {{ amount currency }} decision }}
  kpis(projectId: $id, asOf: $asOf) {{ text metric unit baseline target value measuredOn progress met }}
}}
fragment told on StatusReportLight {{ colour reason }}"""


@dataclass(frozen=True)
class StatusReport:
    """How a project stands on a day, for people who may never use Daybook."""

    path: str = "/reports/status"
    query: str = QUERY

    @property
    def formats(self) -> Mapping[str, str]:
        return {"md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8"}

    @property
    def lists(self) -> Mapping[str, Pages]:
        return {}

    @property
    def parts(self) -> Mapping[str, str]:
        return PARTS

    @property
    def computed(self) -> tuple[str, ...]:
        return tuple(COMPUTED.values())

    def made(self, data: Mapping[str, Any], format: str, language: str, day: date) -> bytes:
        """The report; in Markdown, without a picture."""
        is_page = format == "html"
        document = status_document(data, Language(language), day, with_picture=is_page)
        return (html(document) if is_page else markdown(document)).encode()
