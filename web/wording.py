"""The words, tones and shapes of states and flags, so that every page says the same of the same thing.

State is always colour, word and shape together (domain.md 1.13): ``tone`` names the colour, ``icon``
the shape.
"""

from dataclasses import dataclass
from typing import Literal

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

Tone = Literal["quiet", "todo", "wait", "ok", "warn", "danger"]


@dataclass(frozen=True)
class State:
    """How one application state is shown."""

    words: LazyString
    """what the customer reads"""
    tone: Tone
    icon: str
    staff_words: LazyString | None = None
    """what staff read instead, where they know more"""


STATES = {
    "started": State(_("填写中（未提交照片）"), "todo", "pencil"),
    "draft": State(_("填写中"), "todo", "pencil"),
    "await_video": State(_("待视频见证"), "todo", "video"),
    "queued": State(_("视频排队中"), "wait", "clock"),
    "in_call": State(_("视频见证中"), "wait", "video"),
    "returned_video": State(_("视频打回，待修改"), "warn", "return"),
    "await_cert": State(_("待安装证书"), "todo", "key"),
    "await_sign": State(_("待签署协议"), "todo", "pen"),
    "submitted": State(_("待复核"), "wait", "clock"),
    "in_review": State(_("复核中"), "wait", "clock"),
    "returned_review": State(_("复核打回，待修改"), "warn", "return"),
    "rejected": State(_("不通过"), "danger", "refused"),
    "approved": State(_("复核通过，更新中"), "wait", "clock"),
    "update_failed": State(_("处理中"), "wait", "clock", _("更新失败")),
    "in_effect": State(_("已生效"), "ok", "done"),
    "withdrawn": State(_("已撤回"), "quiet", "minus"),
    "abandoned": State(_("已放弃"), "quiet", "minus"),
    "expired": State(_("已失效"), "quiet", "minus"),
}

UNKNOWN = State(_("处理中"), "wait", "clock")

#: What a reviewer is told about a mark that a rule or a check left on the case.
FLAGS = {
    "ID_TERM_AGE": _("有效期限与签发时年龄不符，客户已确认"),
    "ID_OLDER_CARD": _("新有效期早于原记录，客户已确认"),
    "ID_OCR_DIFF": _("有效期与证件照识别结果不一致"),
    "ID_LONG_EXPIRED": _("证件过期时间较长"),
    "PHONE_VNO": _("虚拟运营商号码"),
    "PHONE_LANDLINE": _("座机未经短信验证，请核实"),
    "ADDR_VAGUE": _("地址可能未到门牌号"),
    "POST_PROV": _("邮政编码与省份可能不符"),
    "TAX_NONRES": _("非居民或多重税收居民"),
    "PEP": _("政要或与政要有关系，需合规二级复核"),
    "CONTROL": _("存在实际控制关系"),
    "BENEF": _("实际受益人非本人，需合规二级复核"),
    "CREDIT": _("有不良诚信记录"),
    "OCC_RISK": _("职业属于较高风险类别"),
    "LOST_PHONE": _("经原手机号停用通道办理"),
    "VIDEO_DUE": _("应视频见证，尚未见证"),
    "CONSENT_ONLY": _("协议为勾选同意，未用证书签署"),
    "CERTIFICATE_DUE": _("数字证书尚未启用"),
    "COMPLIANCE_ALERT": _("须告知合规"),
    "POLICE_DIFF": _("公安核验结果不一致，坐席已再次核对"),
    "COUNTER_CHANGED": _("柜台资料在客户填写后已变更，复核人员已确认以客户填写的为准"),
    "PHOTO_BLUR": _("照片较模糊"),
    "PHOTO_DARK": _("照片较暗"),
    "PHOTO_GLARE": _("照片有反光"),
    "PHOTO_OCCLUDED": _("证件可能被遮挡"),
    "PHOTO_UNCROPPED": _("证件照未切边，使用原图"),
    "PHOTO_UNREAD": _("证件照由客户手动裁剪，内容未能识别"),
    "PHOTO_LOW_CONTRAST": _("证件与背景颜色接近，请核对边角是否完整"),
    "PHOTO_COPY": _("疑似复印件"),
    "PHOTO_SCREEN": _("疑似翻拍屏幕"),
    "SIGNATURE_INK": _("签名颜色不是黑色或蓝色"),
    "ID_NUMBER_UNREAD": _("证件号码未能可靠识别，请与账户核对"),
    "ID_NAME_UNREAD": _("证件姓名未能可靠识别，请与账户核对"),
    "SAME_AFTER_RETURN": _("打回后内容未作修改，客户已确认"),
    "DECL_DOWNGRADE": _("声明由有风险改为无风险，请核对原因"),
}


def state(code: str) -> State:
    """Return how the application state ``code`` is shown."""
    return STATES.get(code, UNKNOWN)


def flag(code: str) -> str:
    """Return what the flag ``code`` means, or the code when nobody wrote words for it."""
    return str(FLAGS.get(code, code))
