"""The table of contents: every view and every report there is."""

from domain.aggregate import Aggregate
from domain.rights import seeing
from projections.customers.account import AccountView
from projections.customers.contact import ContactAccountView, ContactConsentView, ContactView
from projections.customers.interaction import InteractionView
from projections.customers.retention import ToForget
from projections.customers.retention_rule import RetentionRuleView
from projections.platform.api_token import ApiTokenView
from projections.platform.custom_field import CustomFieldView
from projections.platform.role import RoleGrantView, RoleView
from projections.platform.team import TeamMemberView, TeamView
from projections.platform.user import UserRoleView, UserSkillView, UserView
from projections.projects.allocation import ResourceAllocation
from projections.projects.breakdown import TaskDependencyView
from projections.projects.budget import BudgetCommitmentView, BudgetLineView, BudgetSpendingView, BudgetView
from projections.projects.burn_down import BurnDown
from projections.projects.business_process import (
    BusinessProcessMeasureView,
    BusinessProcessStepView,
    BusinessProcessView,
)
from projections.projects.change_request import ChangeRequestAffectedView, ChangeRequestView
from projections.projects.changes import ChangeLog
from projections.projects.charter import ProjectBaselineView, ProjectRoleView
from projections.projects.communication_plan import CommunicationOverdue, CommunicationPlanView
from projections.projects.comparison import BaselineComparison
from projections.projects.costs import BudgetTrend, CostAgainstPlan
from projections.projects.document import DocumentVersionView, DocumentView
from projections.projects.earned import EarnedValue
from projections.projects.gates import ProjectCheckView
from projections.projects.hours import TaskTimeEntryView
from projections.projects.issue import IssueView
from projections.projects.kpis import Kpis
from projections.projects.meeting import MeetingActionView, MeetingDecisionView, MeetingView
from projections.projects.milestone import MilestoneView
from projections.projects.milestone_trend import MilestoneTrend
from projections.projects.milestones import MilestoneDates, MilestonesKept
from projections.projects.objectives import ProjectMeasurementView, ProjectObjectiveView
from projections.projects.open_issues import OpenIssues
from projections.projects.phases import ProjectPhaseView
from projections.projects.procurement import ProcurementPlan
from projections.projects.project import ProjectView
from projections.projects.project_member import ProjectMemberResponsibilityView, ProjectMemberView
from projections.projects.project_template import ProjectTemplateView
from projections.projects.requirement import RequirementTraceView, RequirementView
from projections.projects.resource import ResourceDeliveryView, ResourceHandoutView, ResourceView
from projections.projects.responsibilities import ResponsibilityMatrix
from projections.projects.risk import RiskView
from projections.projects.risks import RiskExposure, RiskMatrix, RiskRegister
from projections.projects.schedule import CriticalPath, Gantt, MilestoneForecast
from projections.projects.specification import RequirementsDocument, Traceability
from projections.projects.sprint import SprintTaskView, SprintView
from projections.projects.sprints import Board, Velocity
from projections.projects.stakeholder import StakeholderGrid, StakeholderView
from projections.projects.status import ProjectStatus
from projections.projects.status_report import StatusReportView
from projections.projects.swot_analysis import SwotAnalysisItemView, SwotAnalysisView
from projections.projects.task import TaskView
from projections.projects.wbs import Wbs
from projections.projects.workload import Workload
from projections.sales.forecast import Forecast
from projections.sales.opportunity import OpportunityLineView, OpportunityView
from projections.sales.pipeline import PipelineStageView, PipelineView
from projections.sales.product import ProductPriceView, ProductView
from projections.sales.reports import PipelineByStage, TimeInStage, WonByPeriod, WonByProduct

VIEWS = (
    UserView,
    UserSkillView,
    UserRoleView,
    TeamView,
    TeamMemberView,
    RoleView,
    RoleGrantView,
    ApiTokenView,
    CustomFieldView,
    AccountView,
    ContactView,
    ContactAccountView,
    ContactConsentView,
    ProductView,
    ProductPriceView,
    PipelineView,
    PipelineStageView,
    OpportunityView,
    OpportunityLineView,
    InteractionView,
    RetentionRuleView,
    ProjectView,
    ProjectPhaseView,
    ProjectCheckView,
    ProjectObjectiveView,
    ProjectMeasurementView,
    ProjectBaselineView,
    ProjectRoleView,
    MilestoneView,
    TaskView,
    TaskDependencyView,
    TaskTimeEntryView,
    RequirementView,
    RequirementTraceView,
    BusinessProcessView,
    BusinessProcessStepView,
    BusinessProcessMeasureView,
    ChangeRequestView,
    ChangeRequestAffectedView,
    RiskView,
    SwotAnalysisView,
    SwotAnalysisItemView,
    IssueView,
    BudgetView,
    BudgetLineView,
    BudgetCommitmentView,
    BudgetSpendingView,
    SprintView,
    SprintTaskView,
    ProjectMemberView,
    ProjectMemberResponsibilityView,
    StakeholderView,
    CommunicationPlanView,
    MeetingView,
    MeetingDecisionView,
    MeetingActionView,
    DocumentView,
    DocumentVersionView,
    ProjectTemplateView,
    ResourceView,
    ResourceDeliveryView,
    ResourceHandoutView,
    StatusReportView,
)
REPORTS = (
    PipelineByStage,
    Forecast,
    WonByPeriod,
    WonByProduct,
    TimeInStage,
    ToForget,
    CostAgainstPlan,
    BudgetTrend,
    ResponsibilityMatrix,
    StakeholderGrid,
    CommunicationOverdue,
    RequirementsDocument,
    Traceability,
    RiskMatrix,
    RiskRegister,
    RiskExposure,
    ChangeLog,
    OpenIssues,
    Workload,
    ResourceAllocation,
    BurnDown,
    Velocity,
    Board,
    Wbs,
    Gantt,
    CriticalPath,
    MilestoneForecast,
    BaselineComparison,
    EarnedValue,
    ProjectStatus,
    ProcurementPlan,
    MilestoneTrend,
    MilestonesKept,
    MilestoneDates,
    Kpis,
)

SEEN_BY = {view.of.__name__: view.needs for view in VIEWS if not view.key}


def to_see(kind: type[Aggregate]) -> str:
    """The permission to see what is of a kind."""
    return SEEN_BY.get(kind.__name__) or seeing(kind.needs)
