"""Every template with a context like the one its page gives it: what tests of the look draw."""

# ruff: noqa: E501 -- a sentence stays on one line, as it is read

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from flask import Flask, render_template
from flask_wtf.csrf import CSRFProtect

from forms import Context, Form, Problem, load, names, parse, prefill
from handlers.agreements.variables import variables
from handlers.certificates import Certificate
from handlers.verifier.verdict import Signature, Verdict, refused
from web import rendering
from web.qr import qr

NOW = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)
COMPANY = {"name": "某某期货", "number": "0002", "hotline": "400-820-0002"}
CUSTOMER = SimpleNamespace(kind="customer", id="C01", roles=frozenset({"customer"}))
REVIEWER = SimpleNamespace(kind="staff", id="liufang", roles=frozenset({"reviewer"}))
STEPS = [
    {"label": "上传照片", "state": "done"},
    {"label": "资料填写", "state": "current"},
    {"label": "签署协议", "state": "todo"},
    {"label": "提交", "state": "todo"},
]


def application() -> Flask:
    """Return an application that can draw every template and answers nothing."""
    app = Flask("web")
    app.secret_key = "only for drawing pages in tests"
    CSRFProtect(app)
    rendering.install(app)
    app.context_processor(lambda: {"company": COMPANY, "demo": True, "actor": None, "locale": "zh_Hans_CN"})
    return app


def form(name: str, title: str, *components: dict[str, Any], **properties: Any) -> Form:
    """Return a form of these components."""
    return parse(
        json.dumps({"id": name, "title": title, "components": list(components), "properties": properties})
    )


PHOTOS = form(
    "upload_photos",
    "上传证件照/签名照",
    {"type": "text", "text": "1、上传证件照完成后，请您在下一步仔细核对信息是否与身份证信息一致。\n2、图片要求清晰可见，大小不要超过10M，支持JPG格式。",
     "properties": {"kind": "tips"}},
    {"type": "idcard-photo", "key": "front", "label": "身份证正面", "validate": {"required": True}},
    {"type": "idcard-photo", "key": "back", "label": "身份证反面", "validate": {"required": True}},
    {"type": "signature-photo", "key": "signature", "label": "签名照", "validate": {"required": True}},
    {"type": "agreement", "key": "photo_consent", "label": "照片处理", "text": "为核验身份，我们将处理您的证件照片。"},
    {"type": "agreement", "key": "certificate_duties", "label": "数字证书安全责任书", "validate": {"required": True}},
)  # fmt: skip
IDENTITY = form(
    "id_validity",
    "身份信息 (请您仔细核对下列资料是否与身份证一致, 不一致请手动修改)",
    {"type": "textfield", "key": "name", "label": "客户姓名", "readonly": True},
    {"type": "textfield", "key": "id_number", "label": "身份证号", "readonly": True},
    {"type": "validity-range", "key": "validity", "label": "身份证有效期", "validate": {"required": True}},
    beside="back",
)
PHONE = form(
    "phone",
    "联系电话",
    {"type": "phone-with-code", "key": "phone", "label": "联系电话", "validate": {"required": True},
     "properties": {"old": "profile.mobile", "login_number": "true"}},
)  # fmt: skip
TAX = [("A", "仅为中国税收居民"), ("B", "仅为非居民"), ("C", "既是中国税收居民又是其他国家（地区）税收居民")]
BAD = [("A", "中国人民银行征信中心"), ("D", "税务管理机构"), ("I", "无")]


def values(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    """Return choices as a form file writes them."""
    return [{"value": value, "label": label} for value, label in pairs]


OTHER = form(
    "other_info",
    "其他信息",
    {"type": "group", "path": "address", "label": "联系地址", "components": [
        {"type": "select", "key": "province", "label": "省", "validate": {"required": True},
         "properties": {"division": "province"}},
        {"type": "select", "key": "city", "label": "市", "validate": {"required": True},
         "properties": {"division": "city"}},
        {"type": "textfield", "key": "detail", "label": "详细地址", "validate": {"required": True, "maxLength": 50},
         "properties": {"old": "profile.address.detail"}}]},
    {"type": "textfield", "key": "postcode", "label": "邮政编码", "description": "6位数字",
     "validate": {"required": True, "maxLength": 6}, "properties": {"old": "profile.postcode"}},
    {"type": "select", "key": "occupation", "label": "职业", "validate": {"required": True},
     "properties": {"dictionary": "occupation"}},
    {"type": "textarea", "key": "why", "label": "说明"},
    {"type": "number", "key": "years", "label": "投资年限"},
    {"type": "datetime", "key": "since", "label": "开始日期"},
    {"type": "checkbox", "key": "sure", "label": "本人确认上述信息的真实、准确和完整"},
    {"type": "separator"},
    {"type": "radio", "key": "tax_type", "label": "您的税收居民身份为", "validate": {"required": True},
     "values": values(TAX)},
    {"type": "dynamiclist", "path": "residences", "label": "税收居民国(地区)",
     "conditional": {"hide": "tax_type not in [\"B\", \"C\"]"},
     "components": [{"type": "textfield", "key": "country", "label": "国家(地区)"},
                    {"type": "textfield", "key": "tin", "label": "纳税人识别号"}]},
    {"type": "checklist", "key": "bad_record", "label": "您是否有来源以下机构不良诚信记录",
     "values": values(BAD), "properties": {"exclusive": "I"}},
)  # fmt: skip
CONSENTS = form(
    "sign_agreements",
    "协议签署",
    {
        "type": "agreements",
        "key": "consents",
        "label": "请阅读并同意以下协议",
        "validate": {"required": True},
    },
    {"type": "video", "key": "video", "label": "视频见证"},
    {"type": "certificate", "key": "certificate", "label": "数字证书"},
)
REVIEW = form("review", "复核", {"type": "decision", "key": "decision", "label": "处理结果"})

PROFILE = {
    "name": "张伟", "id_number": "110105198506123737", "mobile": "13800138001",
    "address": {"province": "浙江省", "city": "杭州市", "detail": "文三路1号"}, "postcode": "310012",
    "photos": {},
}  # fmt: skip
DATA = {
    "profile": PROFILE,
    "photos": {"back": {"file": "b2"}},
    "agreements": [
        {"code": "notice", "title": "客户须知", "version": "2026-01", "sha256": "ab"},
        {"code": "risk", "title": "期货交易风险说明书", "version": "2026-01", "sha256": "cd"},
    ],
}


def view(
    form: Form, answers: dict[str, Any] | None = None, held: dict[str, Any] | None = None
) -> SimpleNamespace:
    """Return a task like the engine's view of one."""
    context = Context(today=NOW.date(), now=NOW, data=DATA, held=held or {})
    return SimpleNamespace(
        task_id="7f0c", form=form, context=context, data=DATA, answers=answers or {}, held=held or {},
        revision=3, can_back=True, claimed_by=None, lane="customer",
    )  # fmt: skip


def task(of: Form, answers: dict[str, Any] | None = None, *problems: Problem, **more: Any) -> dict[str, Any]:
    """Return the context of a customer's task page."""
    held = more.pop("held", None)
    return {
        "actor": CUSTOMER, "view": view(of, answers, held), "steps": STEPS, "problems": list(problems),
        "title_line": "业务办理/身份证有效期修改 [受理单号: 1600020000000042]", "action_url": "/me/tasks/7f0c",
        "back_url": "/me/tasks/7f0c/back", "draft_url": "/me/tasks/7f0c/draft",
        "upload_url": "/me/tasks/7f0c/photos", "code_url": "/me/tasks/7f0c/code",
        "reading_url": "/me/tasks/7f0c/agreements", "photo_url": "/me/photos", "returned": [], "note": None,
        "autosaved_at": NOW, "certificate": {"url": "/me/tasks/7f0c/certificate", "rule": "standard"}, **more,
    }  # fmt: skip


def section(key: str, title: str, hint: str, rows: list[tuple[str, str]], case: Any = None) -> dict[str, Any]:
    """Return one section of the profile page."""
    return {
        "key": key, "title": title, "hint": hint, "case": case, "can_change": case is None,
        "start_url": f"/me/start/{key}",
        "rows": [{"label": a, "value": b, "masked": "*" in b, "field": key} for a, b in rows],
    }  # fmt: skip


OPEN = {
    "id": "c1", "number": "1600020000000042", "state": "returned_review", "state_text": "复核打回，待修改", "at": NOW,
    "reasons": ["签名照不清晰"], "actions": [{"label": "立即处理", "url": "/me/tasks/7f0c"},
                                     {"label": "撤回", "url": "/me/cases/c1/withdraw", "post": True}],
}  # fmt: skip
PROFILE_PAGE = {
    "actor": CUSTOMER, "stale": False, "read_at": NOW,
    "sections": [
        section("identity", "身份信息", "(修改身份证有效期)", [("姓名", "张*"), ("身份证号", "110105********3737"),
                ("身份证有效期", "2012-03-05 至 2032-03-05")], OPEN),
        section("phone", "联系电话", "(修改联系电话)", [("联系电话", "138****8001"), ("联系手机", "138****8001")]),
        section("other", "其他信息", "(修改联系地址、邮编、学历等信息)",
                [("联系地址", "浙江省杭州市******"), ("邮政编码", "310012"), ("电子邮箱", ""), ("学历", "本科 (学士)")]),
    ],
    "notices": [{"text": "证件将于2026-04-01到期，建议换领新证后再办理", "url": "#identity", "label": "修改身份证有效期"}],
    "checkup": [{"text": "邮政编码不能为空！", "url": "#other"}, {"text": "请选择其他职业", "url": "#phone"}],
    "history": [{"title": "联系电话修改", "at": NOW - timedelta(days=40), "number": "1700020000000007",
                 "state": "in_effect", "url": "/me/cases/c0"}],
}  # fmt: skip


def row(minutes: int, who: str | None = None, *flags: str) -> dict[str, Any]:
    """Return a line of the inbox that is due in ``minutes``."""
    return {
        "task_id": "t", "url": f"/desk/tasks/{minutes}", "due_at": NOW, "due_in": minutes * 60, "type": "身份证有效期修改",
        "name": "张*", "number": "1600020000000042", "branch": "杭州营业部", "flags": list(flags), "age": 7200,
        "who": who, "mine": who == "liufang", "claim_url": None if who else "/desk/tasks/1/claim",
        "release_url": "/desk/tasks/1/release" if who == "liufang" else None,
    }  # fmt: skip


INBOX = {
    "actor": REVIEWER, "filters": {"type": "change_phone"}, "rows_url": "/desk/rows",
    "types": [{"code": "change_phone", "label": "联系电话修改"}], "branches": [{"code": "hz", "label": "杭州营业部"}],
    "rows": [row(-30, None, "ID_OCR_DIFF"), row(40, "liufang"), row(600, "wangqiang", "PHONE_VNO", "ADDR_VAGUE"),
             row(2000)],
}  # fmt: skip
REVIEW_PAGE = {
    "actor": REVIEWER, "view": view(REVIEW, {"decision": "return", "reasons": ["P02"]}), "problems": [],
    "head": {"title": "身份证有效期修改", "number": "1600020000000042", "name": "张*", "branch": "杭州营业部",
             "state": "in_review", "due_in": 5400},
    "comparison": [{"label": "身份证有效期", "old": "2012-03-05 至 2032-03-05", "new": "2026-03-01 至 长期", "changed": True},
                   {"label": "客户姓名", "old": "张伟", "new": "张伟", "changed": False}],
    "photos": [{"label": "身份证正面", "url": "/static/examples/card-good.svg", "flags": []},
               {"label": "身份证反面", "url": "/static/examples/card-back.svg", "flags": ["ID_OCR_DIFF"]},
               {"label": "签名照", "url": "/static/examples/sign-good.svg", "flags": []}],
    "documents": [{"title": "客户须知", "version": "2026-01", "sha256": "ab" * 32, "agreed_at": NOW, "url": "#"}],
    "papers": [
        {"title": "客户须知", "version": "2026-01", "level": "T", "signed_at": NOW, "url": "#", "serial": "ab" * 20,
         "verdict": verdict} for verdict in (
            None, {"intact": True, "findings": ()}, {"intact": False, "findings": ("文件与存档时不一致",)})],
    "police": {"words": "不一致", "tone": "danger", "sign": "refused", "at": NOW, "reference": "P0123456789ABCDEF012"},
    "flags": [{"code": "ID_OCR_DIFF", "text": "有效期与证件照识别结果不一致"}],
    "history": [{"at": NOW, "who": "张*", "what": "提交申请", "note": ""}], "reasons": [],
    "action_url": "/desk/tasks/7f0c", "release_url": "/desk/tasks/7f0c/release",
}  # fmt: skip
CERTIFICATE = Certificate(
    "ab" * 20, "c1", UUID(int=1), "Chrome · Windows", "active", NOW, NOW, None, None, b"", b"",
)  # fmt: skip
AGREEMENT = {
    "actor": CUSTOMER, "agreement": {"code": "notice", "title": "客户须知", "version": "2026-01", "body": "客户应当…"},
    "read": False, "action_url": "/me/tasks/7f0c/agreements/notice", "back_url": "/me/tasks/7f0c", "dwell": 3,
}  # fmt: skip
PAPER = {
    "url": "/me/tasks/7f0c/agreements/notice/paper.pdf",
    "digest": "9f" * 32,
    "fingerprint": "9f9f 9f9f 9f9f 9f9f",
}
VERSION = {
    "id": "7f0c", "title": "客户须知", "name": "2026-03-18", "sha256": "b9" * 32, "state": "proposed", "words": "待复核",
    "tone": "warn", "sign": "clock", "types": "修改联系电话", "account_types": "", "effective_from": NOW.date(),
    "made_by": "蒋宁", "made_at": NOW, "approved_by": "", "approved_at": None, "withdrawn_by": "", "withdrawn_at": None,
    "previewed": True, "url": "/desk/agreements/notice/7f0c", "pdf": "/desk/agreements/notice/7f0c/sample.pdf",
}  # fmt: skip
OPERATOR = SimpleNamespace(kind="staff", id="jiangning", roles=frozenset({"operator"}))
AGREEMENTS_DESK = {
    "actor": OPERATOR, "list_url": "/desk/agreements",
    "rows": [{"code": "notice", "title": "客户须知", "version": VERSION, "waiting": 1, "coming": None, "url": "/desk/agreements/notice"}],
}  # fmt: skip
AGREEMENT_DESK: dict[str, Any] = {
    "actor": OPERATOR, "list_url": "/desk/agreements", "propose_url": "/desk/agreements/notice", "code": "notice",
    "versions": [VERSION, {**VERSION, "id": None, "url": "", "words": "生效中", "tone": "ok", "sign": "done", "effective_from": None}],
    "typed": {"title": "客户须知", "html": "<p>{{ customer.name }}</p>", "effective_from": "2026-03-18", "types": [], "account_types": []},
    "tried": "客户应当…", "problems": [], "variables": variables("customer_notice"), "types": [("change_phone", "修改联系电话")],
    "account_types": [("futures", "期货账户")], "may_propose": True,
}  # fmt: skip
AGREEMENT_VERSION = {
    "actor": OPERATOR, "code": "notice", "version": VERSION, "body": "客户应当…", "against": "2026-01", "may_approve": True,
    "changes": [("same", "<h2>一</h2>"), ("removed", "<p>旧</p>"), ("added", "<p>新</p>"), ("gap", "")], "back_url": "/desk/agreements/notice",
}  # fmt: skip
LOGIN: dict[str, Any] = {
    "form": {"id_number": "110105198506123737"},
    "problems": [],
    "sent_to": None,
    "resend_in": 0,
}


def every() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the name of a page, its template and its context."""
    yield "home", "home.html", {"banks": ["中国工商银行", "中国农业银行", "中国银行"], "hours_open": False}
    yield "login", "login.html", LOGIN
    wrong = [
        {"key": "id_number", "message": "身份证号输入错误"},
        {"key": "privacy", "message": "请阅读并同意《隐私政策》！"},
    ]
    yield "login_wrong", "login.html", {**LOGIN, "problems": wrong, "sent_to": "138****8001", "resend_in": 42}
    yield "message", "message.html", {"title": "柜台校验客户不存在", "text": "尚未开通对应账户类型账号，需要开通后才可使用",
                                      "actions": [{"label": "返回登录", "url": "/login"}]}  # fmt: skip
    yield "error", "error.html", {"reference": "8f21"}
    yield "profile", "profile.html", PROFILE_PAGE
    yield "profile_stale", "profile.html", {**PROFILE_PAGE, "stale": True, "checkup": [], "history": []}
    yield "task_photos", "task.html", task(PHOTOS)
    yield "task_photos_returned", "task.html", task(
        PHOTOS, {"front": {"file": "a1"}}, Problem("signature", "请上传签名照！"),
        returned=[{"code": "P02", "text": "签名照不清晰"}], note="请在白纸上重新签名")  # fmt: skip
    yield "task_identity", "task.html", task(
        IDENTITY, {"name": "张伟", "id_number": "110105198506123737", "validity": {"from": "2025-03-11", "until": None, "long_term": True}})  # fmt: skip
    yield "task_identity_warned", "task.html", task(
        IDENTITY, {"validity": {"from": "2016-03-18", "until": "2026-03-17"}},
        Problem("validity.until", "身份证已过期！"),
        Problem("validity", "新有效期早于原记录，请确认上传的是最新证件", "warning", "ID_OLDER_CARD"))  # fmt: skip
    yield (
        "task_phone",
        "task.html",
        task(PHONE, {"phone": {"number": "13900139000"}}, sent_to="139****9000", resend_in=50),
    )
    yield "task_other", "task.html", task(
        OTHER, {"address": {"province": "浙江省", "city": "杭州市", "detail": "文三路2号"}, "tax_type": "C",
                "postcode": "31", "residences": [{"country": "日本", "tin": "1"}, {}], "bad_record": ["D"]},
        Problem("postcode", "请输入正确的邮政编码！"), Problem("residences.1.country", "请填写国家(地区)"))  # fmt: skip
    yield (
        "task_consents",
        "task.html",
        task(
            CONSENTS,
            held={"consents": {"notice": {"finished_at": "2026-03-18T02:00:00Z", "title": "客户须知"}}},
        ),
    )
    for name in names():
        if name == "witness":  # drawn beside the call it is filled in during
            continue
        drawn_by_staff = name in {"review", "review_second", "counter_failed"}
        shipped = load(name)
        answers = prefill(shipped, view(shipped).context)
        if drawn_by_staff:
            yield f"form_{name}", "review.html", {**REVIEW_PAGE, "view": view(shipped, answers)}
        else:
            yield f"form_{name}", "task.html", task(shipped, answers)
    yield "submitted", "submitted.html", {
        "actor": CUSTOMER, "number": "1600020000000042", "steps": STEPS, "title_line": "业务办理/身份证有效期修改",
        "text": "尊敬的张伟先生，您的身份证有效期修改已成功提交，正在等待复核；您可在我的基本资料中查看结果。"}  # fmt: skip
    yield "case", "case.html", {
        "actor": CUSTOMER, "case": {**OPEN, "title": "身份证有效期修改"},
        "comparison": REVIEW_PAGE["comparison"], "trail": REVIEW_PAGE["history"], "documents": REVIEW_PAGE["documents"]}  # fmt: skip
    for state in ("none", "applying", "installed", "locked", "revoked", "expired"):
        yield f"certificate_{state}", "certificate.html", {
            "actor": CUSTOMER, "state": state, "usable": state == "installed", "case_url": "/me/cases/c1", "end_url": "/me/certificate/end",
            "certificate": CERTIFICATE, "at_work": CERTIFICATE if state in ("installed", "locked") else None}  # fmt: skip
    yield "kits", "kits.html", {
        "actor": REVIEWER, "number": "17", "problems": [{"key": "number", "message": "没有这个受理单号，或不在您的营业部范围内"}]}  # fmt: skip
    yield (
        "verify",
        "verify.html",
        {"actor": None, "verdict": None, "kind": "", "name": "", "problem": "", "most": 10},
    )
    signed = Signature("Customer", "customer", "张伟", "ab" * 16, NOW, NOW, "ab" * 20, "cd" * 32, "good")
    for kind, found in (
        ("intact", Verdict(True, "B-T", (signed,), ())),
        ("changed", refused("broken", (signed,))),
    ):
        yield (
            f"verify_{kind}",
            "verify.html",
            {"actor": None, "verdict": found, "kind": kind, "name": "a.pdf", "problem": "", "most": 10},
        )
    yield "downloads", "downloads.html", {
        "actor": CUSTOMER, "cases": [{"title": "联系电话修改", "number": "1700020000000042", "url": "/me/cases/c1",
        "papers": [{"title": "客户须知", "version": "2026-01", "level": level, "signed_at": NOW, "url": "/me/x.pdf"}
                   for level in ("B", "T", "LTA")]}]}  # fmt: skip
    yield "lost_phone", "lost_phone.html", {
        "branches": [{"name": "杭州营业部", "address": "杭州市西湖区文三路1号", "phone": "0571-87654321"}]}  # fmt: skip
    yield "privacy", "privacy.html", {"title": "隐私政策", "version": "2026-01", "body": "我们……"}
    yield "agreement", "agreement.html", AGREEMENT
    yield "agreement_read", "agreement.html", {**AGREEMENT, "read": True}
    yield "agreement_waiting", "agreement.html", {**AGREEMENT, "paper": {"lacking": None}}
    yield "agreement_unwritable", "agreement.html", {**AGREEMENT, "paper": {"lacking": "𪚥"}}
    yield "agreement_paper", "agreement.html", {**AGREEMENT, "paper": PAPER}
    yield "agreements_desk", "agreements_desk.html", AGREEMENTS_DESK
    yield "agreement_desk", "agreement_desk.html", AGREEMENT_DESK
    unknown: list[Any] = [Problem("html", "第2行：没有名为“customer.phone”的变量")]
    yield "agreement_wrong", "agreement_desk.html", {**AGREEMENT_DESK, "problems": unknown}
    yield "agreement_version", "agreement_version.html", AGREEMENT_VERSION
    yield "help", "help.html", {"position": "data"}
    yield (
        "staff_login",
        "staff_login.html",
        {"form": {}, "problems": [{"key": "code", "message": "动态验证码错误"}]},
    )
    yield "inbox", "inbox.html", INBOX
    yield "inbox_empty", "inbox.html", {**INBOX, "rows": []}
    yield "inbox_rows", "inbox_rows.html", INBOX
    yield "review", "review.html", REVIEW_PAGE
    yield "review_unclaimed", "review.html", {**REVIEW_PAGE, "claim_url": "/desk/tasks/7f0c/claim"}
    from tests import playback_pages, video_pages, witness_pages

    yield from video_pages.every()
    yield from witness_pages.every()
    yield from playback_pages.every()
    code = qr("https://kaihu.example/handover/9f2c", "QR")
    yield (
        "handover",
        "handover.html",
        {"code": code, "minutes": 5, "task_id": "7f0c", "back_url": "/me/tasks/7f0c"},
    )
    specimen = {"label": "身份证正面照", "url": "/demo/pictures/C01/front.jpg"}
    yield "demo_phone", "demo_phone.html", {
        "specimens": [{"name": "张伟", "id_number": "110105198506123737", "pictures": [specimen]}],
        "messages": [{"at": NOW, "to": "13800138001", "text": "【某某期货】登录验证码 123456，5分钟内有效，切勿告知他人。"}],
        "captcha": "k7Qm", "totp": [{"user": "liufang", "code": "123456"}]}  # fmt: skip


def draw(app: Flask, template: str, context: dict[str, Any], language: str = "zh") -> str:
    """Return a page as HTML."""
    with app.test_request_context("/", headers={"Accept-Language": language}):
        return render_template(template, **context)
