"""Texts a company may reword: short messages to the customer's phone, and the tips of the home page.

A place in braces is filled when the text is used. A message never names an ID number (domain 3.6).
"""

import re

SMS_TEXTS: dict[str, str] = {
    "login_code": "【{company}】您正在登录“我的基本资料”，验证码{code}，{minutes}分钟内有效，切勿告知他人。",
    "phone_code": "【{company}】您正在将联系电话变更为本号码，验证码{code}，{minutes}分钟内有效，"
    "切勿告知他人。",
    "phone_changing": "【{company}】您尾号{old_tail}的账户正在将联系电话变更为尾号{new_tail}，"
    "如非本人操作请立即致电{hotline}。",
    "phone_changed": "【{company}】您尾号{old_tail}的账户已将联系电话变更为尾号{new_tail}，"
    "如非本人操作请立即致电{hotline}。",
    "submitted": "【{company}】您的{business}申请（受理单号{number}）已提交，正在等待复核。"
    "您可在我的基本资料中查看结果。",
    "sent_back": "【{company}】您的{business}申请（受理单号{number}）需要修改：{reasons}。"
    "请登录我的基本资料点击“立即处理”。",
    "refused": "【{company}】您的{business}申请（受理单号{number}）未通过：{reasons}。"
    "如有疑问请致电{hotline}。",
    "in_effect": "【{company}】您的{business}申请（受理单号{number}）已生效，您可在我的基本资料中查看。",
    "update_failed": "受理单号{number}的{business}更新柜台失败：{problem}。请尽快处理。",
    "reminder": "【{company}】您的{business}申请（受理单号{number}）将于{date}失效，"
    "请登录我的基本资料继续办理。",
    "id_expiring": "【{company}】您的身份证将于{date}到期，请及时登录我的基本资料更新身份证有效期。",
    "id_expired": "【{company}】您的身份证已过期{days}天，逾期{limit}天未更新可能被限制业务，请尽快办理。",
    "campaign": "【{company}】您的基本资料需要更新，请点击{link}办理。如有疑问请致电{hotline}。",
}

#: Places that a reworded message must keep: without them it would not do its work.
REQUIRED = frozenset({"company", "code", "minutes", "old_tail", "new_tail", "number", "link"})

#: 温馨提示 of the home page (R-062, with items 3 to 5 as A-04 replaces them).
WELCOME_TIPS = (
    "网上开户服务时间:周一至周五 09:00-23:00。",
    "网上开户暂仅限年满18周岁、具有有效期内的中华人民共和国第二代身份证的中国大陆个人客户申请。",
    "推荐使用最新版 Chrome、Edge、Firefox、Safari。",
    "手机可直接办理。",
    "无需安装控件。",
)


def placeholders(wording: str) -> frozenset[str]:
    """Return the names of the places in ``wording``."""
    return frozenset(re.findall(r"\{([^{}]*)\}", wording))
