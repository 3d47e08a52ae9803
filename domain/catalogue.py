"""The table of contents: every aggregate there is."""

from domain.aggregate import Aggregate
from domain.customers.account import Account
from domain.customers.contact import Contact
from domain.customers.interaction import Interaction
from domain.customers.retention_rule import RetentionRule
from domain.platform.api_token import ApiToken
from domain.platform.custom_field import CustomField
from domain.platform.role import Role
from domain.platform.team import Team
from domain.platform.user import User
from domain.projects.budget import Budget
from domain.projects.business_process import BusinessProcess
from domain.projects.change_request import ChangeRequest
from domain.projects.communication_plan import CommunicationPlan
from domain.projects.document import Document
from domain.projects.issue import Issue
from domain.projects.meeting import Meeting
from domain.projects.milestone import Milestone
from domain.projects.project import Project
from domain.projects.project_member import ProjectMember
from domain.projects.project_template import ProjectTemplate
from domain.projects.requirement import Requirement
from domain.projects.resource import Resource
from domain.projects.risk import Risk
from domain.projects.sprint import Sprint
from domain.projects.stakeholder import Stakeholder
from domain.projects.status_report import StatusReport
from domain.projects.swot_analysis import SwotAnalysis
from domain.projects.task import Task
from domain.sales.opportunity import Opportunity
from domain.sales.pipeline import Pipeline
from domain.sales.product import Product

AGGREGATES: tuple[type[Aggregate], ...] = (
    User,
    Team,
    Role,
    ApiToken,
    CustomField,
    Account,
    Contact,
    Product,
    Pipeline,
    Opportunity,
    Interaction,
    RetentionRule,
    Project,
    Milestone,
    Task,
    Requirement,
    BusinessProcess,
    ChangeRequest,
    Risk,
    SwotAnalysis,
    Issue,
    Budget,
    Sprint,
    ProjectMember,
    Stakeholder,
    CommunicationPlan,
    Meeting,
    Document,
    ProjectTemplate,
    Resource,
    StatusReport,
)
