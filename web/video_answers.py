"""What the addresses of the video witness share: refusals in words, and what a page posts."""

from collections.abc import Callable
from typing import Any

import structlog
from flask import jsonify, request
from werkzeug.wrappers import Response

from engine import clock
from handlers import limits
from handlers.photos import PhotoRefused
from handlers.video.errors import Closed, Moved, VideoRefused
from handlers.video.sfu import BadOffer, NoSuchCall, SfuRefused
from web.i18n import gettext
from web.video_report import Unfinished

log = structlog.get_logger("web")

NO_CONSENT = "请先阅读并同意视频见证的个人信息处理"
CHANGED = "单独同意的内容已更新，请重新阅读并同意"
OVER = "通话已结束，页面将显示最新情况"
ELSEWHERE = "通话正在另一个窗口或设备上进行"
BAD_OFFER = "浏览器的视频信息无法识别，请更新浏览器后重试"
DOWN = "视频服务暂时无法连接，正在重试"
TOO_LARGE = "提交的内容过大"
TOO_OFTEN = "检测过于频繁，请稍后再试"
NO_JPEG = "仅支持JPG格式"

Answer = Response | str | tuple[Response | str, int]


class Refused(Exception):
    """What was asked is not possible now; ``message`` is for the customer."""

    def __init__(self, message: str, code: str, status: int = 409) -> None:
        super().__init__(code)
        self.message, self.code, self.status = message, code, status


def guarded(act: Callable[[], Answer]) -> Answer:
    """Do something, and say in words what was refused."""
    try:
        return act()
    except Refused as refused:
        return say(refused)
    except Unfinished as unfinished:
        return say(Refused(unfinished.message, "unchecked", 409))
    except Closed as closed:
        opens = clock.shanghai(closed.opens_at)
        message = gettext("当前为非服务时间，视频见证将于%(at)s开放", at=f"{opens:%Y-%m-%d %H:%M}")
        return say(Refused(message, closed.code))
    except Moved:
        return say(Refused(OVER, "over"))
    except VideoRefused as refused:
        return say(Refused(refused.message, refused.code))
    except PhotoRefused as refused:
        return say(Refused(refused.message, refused.code, 422))
    except limits.TooOften:
        return say(Refused(TOO_OFTEN, "often", 429))
    except BadOffer:
        return say(Refused(BAD_OFFER, "offer", 422))
    except NoSuchCall:
        return say(Refused(OVER, "over"))
    except SfuRefused as down:
        log.warning("media node refused", path=request.path, why=type(down).__name__)
        answer, status = say(Refused(DOWN, "down", 503))
        answer.headers["Retry-After"] = "1"
        return answer, status


def say(refused: Refused) -> tuple[Response, int]:
    """Answer a script with words for the reader."""
    log.info("video refused", path=request.path, refusal=refused.code)
    return jsonify({"message": gettext(refused.message), "code": refused.code}), refused.status


def sent(name: str) -> Any:
    """Return one value, sent as a form or by a script."""
    if request.is_json:
        posted = request.get_json(silent=True)
        return posted.get(name) if isinstance(posted, dict) else None
    return request.form.get(name)


def body(most: int) -> bytes:
    """Read what was sent, or refuse what is too much."""
    if (request.content_length or 0) > most:
        raise Refused(TOO_LARGE, "too_large", 413)
    content = request.stream.read(most + 1)
    if len(content) > most:
        raise Refused(TOO_LARGE, "too_large", 413)
    return content
