"""What can go wrong in the engine.

EngineError
├── UnknownProcess     no published release has this type
├── UnknownOperator    a diagram names an operator that nobody wrote
├── UnknownCase        there is no such case, or it is not this person's
├── TaskGone           the task is done, or never was
├── NotYours           the task waits for another person or role
├── AlreadyClaimed     another person works on the task
├── NotClaimed         the task must be claimed first
├── FourEyes           one person may not both do and judge
├── ElsewhereChanged   the same page was changed from another device
├── NoWayBack          there is no earlier page to go back to
├── MessageRefused     the case does not wait for this message now
├── Runaway            the diagram runs on without ever waiting
└── BlobRefused        a stored state does not fit the release
"""


class EngineError(Exception):
    """The engine refused."""

    def __init__(self, *details: object) -> None:
        super().__init__(*(details or ((self.__doc__ or "").strip(),)))


class UnknownProcess(EngineError):
    """No published release has this type."""


class UnknownOperator(EngineError):
    """A diagram names an operator that nobody wrote."""


class UnknownCase(EngineError):
    """There is no such case, or it is not this person's."""


class TaskGone(EngineError):
    """The task is done, or never was."""


class NotYours(EngineError):
    """The task waits for another person or role."""


class AlreadyClaimed(EngineError):
    """Another person works on the task."""


class NotClaimed(EngineError):
    """The task must be claimed first."""


class FourEyes(EngineError):
    """One person may not both do and judge."""


class ElsewhereChanged(EngineError):
    """The same page was changed from another device."""


class NoWayBack(EngineError):
    """There is no earlier page to go back to."""


class MessageRefused(EngineError):
    """The case does not wait for this message now."""


class Runaway(EngineError):
    """The diagram runs on without ever waiting."""


class BlobRefused(EngineError):
    """A stored state does not fit the release."""
