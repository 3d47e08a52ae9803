"""What stands on charts beside the names that users gave: in English and in Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """In which charts and reports speak."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of one language."""

    gantt: str
    burn_down: str
    risk_matrix: str
    milestone_trend: str
    as_of: str
    """What is drawn, and the day."""
    as_it_happened: str
    """The same of what goes along the days on which something happened, and not on which it became known."""
    task: str
    critical: str
    done: str
    baseline: str
    milestone: str
    summary: str
    today: str
    left_out: str
    nothing: str
    remaining: str
    ideal: str
    hours: str
    probability: str
    impact: str
    more: str
    levels: tuple[str, str, str, str, str]
    reported_on: str
    happened_on: str
    due: str


WORDS: Final = {
    Language.EN: Words(
        gantt="Gantt chart",
        burn_down="Burn-down",
        risk_matrix="Risk matrix",
        milestone_trend="Milestone trend",
        as_of="{}, as of {}",
        as_it_happened="{}, as of {}, by when it happened",
        task="task",
        critical="critical",
        done="done",
        baseline="baseline",
        milestone="milestone",
        summary="summary",
        today="today",
        left_out="{} more tasks are not drawn: they are part of the summaries above",
        nothing="There is nothing to draw yet",
        remaining="remaining",
        ideal="ideal",
        hours="hours",
        probability="probability",
        impact="impact",
        more="and {} more",
        levels=("very low", "low", "medium", "high", "very high"),
        reported_on="reported on",
        happened_on="decided on",
        due="due",
    ),
    Language.ZH: Words(
        gantt="甘特图",
        burn_down="燃尽图",
        risk_matrix="风险矩阵",
        milestone_trend="里程碑趋势图",
        as_of="{}，截至 {}",
        as_it_happened="{}，截至 {}，按发生时间",
        task="任务",
        critical="关键路径",
        done="已完成",
        baseline="基线",
        milestone="里程碑",
        summary="摘要任务",
        today="今天",
        left_out="另有 {} 个任务未绘出，已包含在上述摘要任务中",
        nothing="尚无可绘制的内容",
        remaining="剩余",
        ideal="理想",
        hours="小时",
        probability="概率",
        impact="影响",
        more="另有 {} 项",
        levels=("很低", "低", "中", "高", "很高"),
        reported_on="报告日期",
        happened_on="变更日期",
        due="计划日期",
    ),
}

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(on: date, language: Language) -> str:
    """A day, short: `4 Mar`, `3月4日`."""
    return f"{on.month}月{on.day}日" if language is Language.ZH else f"{on.day} {MONTHS[on.month - 1]}"


def whole_day(on: date, language: Language) -> str:
    """A day with its year."""
    return f"{on.year}年{day(on, language)}" if language is Language.ZH else f"{day(on, language)} {on.year}"


def month(on: date, language: Language) -> str:
    """A month with its year: `Mar 2027`, `2027年3月`."""
    return f"{on.year}年{on.month}月" if language is Language.ZH else f"{MONTHS[on.month - 1]} {on.year}"
