"""The engine: runs diagrams, remembers cases, keeps the inbox. The only room that knows SpiffWorkflow.

Engine        everything of one running product, made once per process
  .releases   publish, get, current
  .cases      start, task, complete, back, message, claim, release, of, of_owner, data,
              and of pages that others decide: decision, decide, stand
  .desk       save (drafts), hold (what the server keeps for a page)
  .inbox      list, count
  .jobs       run, sweep, retry
  .journal    of_case, write, write_staff, verify
operator, check     how handlers offer functions to diagrams and forms
Actor, Step, JobCall, CheckQuery, Verdict, OperatorError, RetryLater
clock         business time
parameters    what the company may set

Tables owned here: see ``engine.store``.
"""

from engine import clock, parameters
from engine.access import STAFF_LANES
from engine.cases import Cases
from engine.engine import Engine
from engine.errors import (
    AlreadyClaimed,
    BlobRefused,
    ElsewhereChanged,
    EngineError,
    FourEyes,
    MessageRefused,
    NotClaimed,
    NotYours,
    NoWayBack,
    Runaway,
    TaskGone,
    UnknownCase,
    UnknownOperator,
    UnknownProcess,
)
from engine.inbox import Filters, Inbox, InboxRow
from engine.operators import (
    SYSTEM,
    Actor,
    CaseFacts,
    Catalogue,
    CheckQuery,
    JobCall,
    OperatorError,
    RetryLater,
    Step,
    Surroundings,
    Verdict,
    check,
    operator,
)
from engine.releases import Release, Releases, files_of
from engine.views import Case, TaskView

__all__ = [
    "STAFF_LANES",
    "SYSTEM",
    "Actor",
    "AlreadyClaimed",
    "BlobRefused",
    "Case",
    "CaseFacts",
    "Cases",
    "Catalogue",
    "CheckQuery",
    "ElsewhereChanged",
    "Engine",
    "EngineError",
    "Filters",
    "FourEyes",
    "Inbox",
    "InboxRow",
    "JobCall",
    "MessageRefused",
    "NoWayBack",
    "NotClaimed",
    "NotYours",
    "OperatorError",
    "Release",
    "Releases",
    "RetryLater",
    "Runaway",
    "Step",
    "Surroundings",
    "TaskGone",
    "TaskView",
    "UnknownCase",
    "UnknownOperator",
    "UnknownProcess",
    "Verdict",
    "check",
    "clock",
    "files_of",
    "operator",
    "parameters",
]
