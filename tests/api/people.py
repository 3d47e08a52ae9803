"""The people of a project, what they say to each other and what they write, with something in every column."""

from __future__ import annotations

from tests.api.client import Api
from tests.api.company import a_user


def fill_people(api: Api, owned: dict[str, str]) -> None:
    """Those of a project, each of whom is one of several, and in it once; and what is said of a meeting afterwards."""
    do, project, user, contact = api.given, owned["Project"], a_user(api), owned["Contact"]
    of = {"projectId": project}
    member = do("joinAsProjectMember", **of, userId=user, role="QA", until="2030-01-01")
    others = do("joinAsProjectMember", **of, contactId=contact, role="QA")
    do("leaveAsProjectMember", id=others, reason="x")
    do("setProjectMemberResponsibility", id=member, deliverable="x", responsibility="ACCOUNTABLE")
    judged = {"interest": 1, "influence": 1, "attitude": "NEUTRAL", "expectation": "x"}
    kinds = {"contactId": contact, "accountId": owned["Account"], "userId": user}
    who = {name: do("identifyStakeholder", **of, **judged, **{name: id}) for name, id in kinds.items()}
    do("planStakeholderInvolvement", id=who["contactId"], involvement="x")
    do("forgetStakeholder", id=who["userId"], reason="x")
    do("dropStakeholder", id=who["accountId"], reason="x")
    do("planCommunicationPlan", **of, name="x", audience="x", every=1, unit="DAY", channel="CALL", stakeholderIds=[
        who["contactId"]], responsibleId=user)  # fmt: skip
    met = do("scheduleMeeting", **of, kind="STATUS", name="x", startsAt="2030-01-01T12:00:00Z")
    do("holdMeeting", id=met, userIds=[user], contactIds=[contact])
    do("recordMeetingMinutes", id=met, minutes="x")
    do("decideInMeeting", id=met, text="x")
    do("addMeetingAction", id=met, text="x")
    for name, id in {"ProjectMember": member, "Stakeholder": who["contactId"]}.items():
        do(f"assign{name}Owner", id=id, ownerId=user)
        do(f"archive{name}", id=id, reason="done")
        do(f"restore{name}", id=id)
        owned[name] = id
