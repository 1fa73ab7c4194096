"""Flags: what the reviewer should know before looking closer (domain 3.10)."""

from datetime import date
from typing import Any

from engine import Step, clock, operator
from engine.steps import flags_in

#: What each flag says to a reviewer.
WORDING = {
    "ID_TERM_AGE": "有效期限与签发时年龄不符，客户已确认",
    "ID_OLDER_CARD": "新有效期早于原记录",
    "ID_OCR_DIFF": "填写的有效期与证件识别结果不一致",
    "ID_LONG_EXPIRED": "原证件过期超过规定天数",
    "PHONE_VNO": "虚拟运营商号码",
    "PHONE_LANDLINE": "座机号码，未经短信验证",
    "ADDR_VAGUE": "地址可能未到门牌号，客户已确认",
    "POST_PROV": "邮政编码与省份可能不符，客户已确认",
    "OCC_RISK": "职业需关注",
    "TAX_NONRES": "非仅为中国税收居民",
    "PEP": "涉及政要人物关系，须合规二级复核",
    "CONTROL": "存在实际控制关系",
    "BENEF": "实际受益人非本人，须二级复核",
    "CREDIT": "有不良诚信记录",
    "DECL_DOWNGRADE": "声明由有风险改为无风险",
    "LOST_PHONE": "经原手机号停用通道办理",
    "VIDEO_DUE": "按规则应视频见证，尚未见证，须二级复核",
    "CONSENT_ONLY": "客户以勾选方式同意协议，未使用数字证书签署",
    "CERTIFICATE_DUE": "数字证书尚未启用",
}


@operator("flags.assess")
def assess(step: Step) -> dict[str, Any]:
    """Collect the flags of every answer and add what the stored values and the company's rules say."""
    flags = [f for f in flags_in({k: v for k, v in step.data.items() if k != "risk"}) if f not in _RAISED]
    settings = step.parameters
    until = (step.data.get("profile") or {}).get("valid_until")
    if until:
        expired = (clock.shanghai(step.now).date() - date.fromisoformat(until)).days
        if expired > settings.id_expired_video_days:
            flags.append("ID_LONG_EXPIRED")
    flags = list(dict.fromkeys(flags))
    levels = settings.review.levels.get(step.case.type, 1)
    return {
        "flags": flags,
        "levels": 2 if settings.review.two_for.intersection(flags) else levels,
        "video_due": step.case.type in settings.video.always_for,
    }


#: Flags that a later step raises anew each time round.
_RAISED = frozenset({"VIDEO_DUE", "CONSENT_ONLY", "CERTIFICATE_DUE", "ID_LONG_EXPIRED"})


@operator("flags.raise")
def raise_flag(step: Step, *, code: str) -> dict[str, Any]:
    """Put one flag on the case."""
    return {"flags": [code]}
