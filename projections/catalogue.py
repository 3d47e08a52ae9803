"""The table of contents: every view and every report there is."""

from projections.customers.account import AccountView
from projections.customers.contact import ContactAccountView, ContactConsentView, ContactView
from projections.customers.interaction import InteractionView
from projections.platform.api_token import ApiTokenView
from projections.platform.custom_field import CustomFieldView
from projections.platform.team import TeamMemberView, TeamView
from projections.platform.user import UserSkillView, UserView
from projections.sales.opportunity import OpportunityLineView, OpportunityView
from projections.sales.pipeline import PipelineStageView, PipelineView
from projections.sales.product import ProductPriceView, ProductView
from projections.sales.reports import PipelineByStage, TimeInStage, WonByPeriod, WonByProduct

VIEWS = (
    UserView,
    UserSkillView,
    TeamView,
    TeamMemberView,
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
)
REPORTS = (PipelineByStage, WonByPeriod, WonByProduct, TimeInStage)
