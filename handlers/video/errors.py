"""What a customer or an agent is told when the queue says no.

VideoRefused
├── Closed     outside service hours; it says when they begin
├── Moved      the ticket has changed hands since: what was asked is too late
├── NoTicket   there is no such ticket, or it is somebody else's
└── Busy       the agent has a customer already, or is not on duty
"""

from datetime import datetime

from engine import clock
from handlers.refused import CodeRefused


class VideoRefused(CodeRefused):
    """Something about a video witness was refused; ``message`` is for the person, ``code`` for tests."""


class Closed(VideoRefused):
    """Nobody is witnessed now.

    :param opens_at: when somebody is, next.
    """

    def __init__(self, opens_at: datetime) -> None:
        at = clock.shanghai(opens_at)
        super().__init__(f"当前为非服务时间，视频见证将于{at:%Y-%m-%d %H:%M}开放", "video_closed")
        self.opens_at = opens_at


class Moved(VideoRefused):
    """A command came too late; an agent is told so unless ``message`` says it better."""

    def __init__(self, message: str = "该客户已不在您的通话中，请刷新页面") -> None:
        super().__init__(message, "video_moved")


class NoTicket(VideoRefused):
    """There is no such ticket for this person."""

    def __init__(self) -> None:
        super().__init__("未在排队中，请重新开始视频通话", "video_no_ticket")


class Busy(VideoRefused):
    """This agent can be given nobody now."""

    def __init__(self) -> None:
        super().__init__("您当前不能接听新的客户，请先完成当前通话并置为空闲", "video_busy")
