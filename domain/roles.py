"""Who may do what: the roles of the pathway and the one table of what each may issue.

Commands name a `Permission`; nothing else in the product decides which role may issue a command. A decision may ask
for more than the role, such as the case's own key worker or the agency that referred.
Source: the pathway's table of commands and roles (domain reference 2.14); rows marked (ours) are for steps it does not list.
"""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """In which capacity somebody acts. `system` is the engine's own timers; nobody can declare it."""

    REFERRER = "referrer"
    COORDINATOR = "coordinator"
    CHAIR = "chair"
    FORUM_MEMBER = "forum_member"
    KEY_WORKER = "key_worker"
    MANAGER = "manager"
    SAFEGUARDING_LEAD = "safeguarding_lead"
    PERSON = "person"
    ADAPTER = "adapter"
    OPERATIONS = "operations"
    AUDITOR = "auditor"
    SYSTEM = "system"


class Permission(StrEnum):
    """One row of the table: a kind of step."""

    SUBMIT_REFERRAL = "submit_referral"
    RECORD_CONVERSATION = "record_conversation"
    TRIAGE = "triage"
    ENGINE_STEP = "engine_step"
    RECORD_CONSENT = "record_consent"
    WITHDRAW_PARTICIPATION = "withdraw_participation"
    RECORD_CAPACITY = "record_capacity"
    AUTHORISE_DISCLOSURE = "authorise_disclosure"
    BAR_VIEWER = "bar_viewer"
    ANSWER_OFFER = "answer_offer"
    DECLARE_CONFLICT = "declare_conflict"
    SCHEDULE_ITEM = "schedule_item"
    RUN_MEETING = "run_meeting"
    RUN_AGENDA = "run_agenda"
    SPEAK_IN_MEETING = "speak_in_meeting"
    REQUEST_KEY_WORKER = "request_key_worker"
    DECIDE_ITEM = "decide_item"
    RETURN_INFORMATION = "return_information"
    ASSIGN_ACTION = "assign_action"
    WORK_ON_ACTION = "work_on_action"
    MANAGE_WORKERS = "manage_workers"
    PROPOSE_MATCH = "propose_match"
    ALLOCATE = "allocate"
    ANSWER_ALLOCATION = "answer_allocation"
    RECORD_SUPPORT = "record_support"
    RECORD_CIRCUMSTANCES = "record_circumstances"
    SET_OUTCOMES = "set_outcomes"
    PROPOSE_STEP_DOWN = "propose_step_down"
    APPROVE_STEP_DOWN = "approve_step_down"
    MONITOR = "monitor"
    CLOSE_CASE = "close_case"
    CORRECT_RECORD = "correct_record"
    REPORT_DEATH = "report_death"
    RECORD_DEATH = "record_death"
    RAISE_SAFEGUARDING = "raise_safeguarding"
    SCREEN_SAFEGUARDING = "screen_safeguarding"
    MARK_DEADLINE = "mark_deadline"
    OPERATE = "operate"
    REFER_HIGH_RISK = "refer_high_risk"
    RAISE_ESCALATION = "raise_escalation"
    ANSWER_ESCALATION = "answer_escalation"
    SETTLE_ESCALATION = "settle_escalation"


_R = Role
MAY_ISSUE: Mapping[Permission, frozenset[Role]] = {
    Permission.SUBMIT_REFERRAL: frozenset(
        {_R.REFERRER, _R.COORDINATOR, _R.KEY_WORKER, _R.MANAGER, _R.SAFEGUARDING_LEAD, _R.ADAPTER}
    ),
    Permission.RECORD_CONVERSATION: frozenset(
        {_R.COORDINATOR, _R.MANAGER, _R.SAFEGUARDING_LEAD, _R.ADAPTER}
    ),  # (ours) the front door
    Permission.TRIAGE: frozenset({_R.COORDINATOR, _R.MANAGER, _R.SAFEGUARDING_LEAD}),
    Permission.ENGINE_STEP: frozenset(
        {_R.COORDINATOR, _R.MANAGER, _R.SYSTEM}
    ),  # (ours) what the engine does unasked
    Permission.RECORD_CONSENT: frozenset(
        {_R.REFERRER, _R.COORDINATOR, _R.KEY_WORKER, _R.MANAGER, _R.PERSON, _R.ADAPTER}
    ),
    Permission.WITHDRAW_PARTICIPATION: frozenset(
        {
            _R.REFERRER,
            _R.COORDINATOR,
            _R.KEY_WORKER,
            _R.MANAGER,
            _R.SAFEGUARDING_LEAD,
            _R.PERSON,
            _R.ADAPTER,
        }
    ),  # (ours) whoever records consent, and who knows the duty that keeps a case open all the same
    Permission.RECORD_CAPACITY: frozenset(
        {_R.REFERRER, _R.COORDINATOR, _R.KEY_WORKER, _R.MANAGER, _R.SAFEGUARDING_LEAD, _R.ADAPTER}
    ),  # (ours) nobody records that they themselves lack capacity
    Permission.AUTHORISE_DISCLOSURE: frozenset({_R.MANAGER, _R.SAFEGUARDING_LEAD}),
    Permission.BAR_VIEWER: frozenset(
        {_R.COORDINATOR, _R.KEY_WORKER, _R.MANAGER, _R.SAFEGUARDING_LEAD}
    ),  # (ours)
    Permission.ANSWER_OFFER: frozenset({_R.PERSON, _R.COORDINATOR, _R.KEY_WORKER, _R.MANAGER}),  # (ours)
    Permission.DECLARE_CONFLICT: frozenset({_R.KEY_WORKER, _R.COORDINATOR, _R.MANAGER, _R.PERSON}),  # (ours)
    Permission.SCHEDULE_ITEM: frozenset({_R.COORDINATOR, _R.CHAIR}),
    Permission.RUN_MEETING: frozenset({_R.COORDINATOR, _R.CHAIR}),  # (ours)
    Permission.RUN_AGENDA: frozenset(
        {_R.COORDINATOR, _R.CHAIR, _R.SYSTEM}
    ),  # (ours) what nobody does in time the engine does
    Permission.SPEAK_IN_MEETING: frozenset(
        {
            _R.FORUM_MEMBER,
            _R.COORDINATOR,
            _R.CHAIR,
            _R.REFERRER,
            _R.KEY_WORKER,
            _R.MANAGER,
            _R.SAFEGUARDING_LEAD,
        }
    ),  # (ours) whoever may sit in a meeting
    Permission.REQUEST_KEY_WORKER: frozenset({_R.COORDINATOR, _R.CHAIR, _R.MANAGER}),  # (ours)
    Permission.DECIDE_ITEM: frozenset({_R.CHAIR}),
    Permission.RETURN_INFORMATION: frozenset(
        {_R.FORUM_MEMBER, _R.COORDINATOR, _R.CHAIR, _R.ADAPTER}
    ),  # (ours)
    Permission.ASSIGN_ACTION: frozenset(
        {_R.COORDINATOR, _R.CHAIR, _R.KEY_WORKER, _R.MANAGER, _R.SAFEGUARDING_LEAD}
    ),
    Permission.WORK_ON_ACTION: frozenset(
        {_R.REFERRER, _R.FORUM_MEMBER, _R.KEY_WORKER, _R.MANAGER, _R.SAFEGUARDING_LEAD, _R.ADAPTER}
    ),
    Permission.MANAGE_WORKERS: frozenset({_R.MANAGER}),  # (ours)
    Permission.PROPOSE_MATCH: frozenset({_R.COORDINATOR, _R.MANAGER, _R.SYSTEM}),
    Permission.ALLOCATE: frozenset({_R.MANAGER}),
    Permission.ANSWER_ALLOCATION: frozenset({_R.KEY_WORKER}),  # (ours)
    Permission.RECORD_SUPPORT: frozenset({_R.KEY_WORKER, _R.MANAGER}),  # (ours)
    Permission.RECORD_CIRCUMSTANCES: frozenset(
        {_R.COORDINATOR, _R.KEY_WORKER, _R.MANAGER, _R.SAFEGUARDING_LEAD}
    ),  # (ours) household, child protection plan, risk screen
    Permission.SET_OUTCOMES: frozenset({_R.KEY_WORKER, _R.PERSON}),
    Permission.PROPOSE_STEP_DOWN: frozenset({_R.KEY_WORKER, _R.MANAGER}),
    Permission.APPROVE_STEP_DOWN: frozenset({_R.MANAGER}),
    Permission.MONITOR: frozenset(
        {_R.KEY_WORKER, _R.COORDINATOR, _R.MANAGER, _R.FORUM_MEMBER, _R.ADAPTER}
    ),  # (ours)
    Permission.CLOSE_CASE: frozenset({_R.MANAGER}),
    Permission.CORRECT_RECORD: frozenset({_R.COORDINATOR, _R.KEY_WORKER, _R.MANAGER}),  # (ours)
    Permission.REPORT_DEATH: frozenset(Role)
    - {_R.SYSTEM, _R.AUDITOR, _R.OPERATIONS},  # (ours) anybody may hear of it
    Permission.RECORD_DEATH: frozenset({_R.COORDINATOR, _R.MANAGER, _R.SAFEGUARDING_LEAD}),  # (ours)
    Permission.RAISE_SAFEGUARDING: frozenset(Role) - {_R.SYSTEM, _R.AUDITOR},
    Permission.SCREEN_SAFEGUARDING: frozenset({_R.SAFEGUARDING_LEAD}),
    Permission.MARK_DEADLINE: frozenset({_R.SYSTEM}),
    Permission.OPERATE: frozenset({_R.OPERATIONS}),  # (ours) repairs of what the engine does
    Permission.REFER_HIGH_RISK: frozenset(
        {_R.REFERRER, _R.COORDINATOR, _R.CHAIR, _R.KEY_WORKER, _R.MANAGER, _R.SAFEGUARDING_LEAD, _R.ADAPTER}
    ),  # (ours) whoever works with the person
    # (ours) any member of the forum and its agencies, and rules whose deadline has passed; not the person themselves.
    Permission.RAISE_ESCALATION: frozenset(Role) - {_R.PERSON, _R.OPERATIONS, _R.AUDITOR},
    Permission.ANSWER_ESCALATION: frozenset(
        {_R.MANAGER, _R.SAFEGUARDING_LEAD, _R.CHAIR, _R.FORUM_MEMBER}
    ),  # (ours) which of them answers at which level is the programme's
    Permission.SETTLE_ESCALATION: frozenset(Role)
    - {_R.PERSON, _R.OPERATIONS, _R.AUDITOR, _R.SYSTEM},  # (ours) whoever may raise, timers excepted
}
