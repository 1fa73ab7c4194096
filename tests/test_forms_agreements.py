"""The agreement page: domain.md 1.9, scenario G-43."""

from tests.answering import accepted, context, said

LISTED = [
    {"code": "customer_notice", "title": "客户须知", "version": "3", "sha256": "a", "needed": True},
    {"code": "risk_statement", "title": "期货交易风险说明书", "version": "1", "sha256": "b", "needed": True},
    {"code": "brokerage_contract", "title": "期货经纪合同", "version": "1", "sha256": "c", "needed": False},
]


def read(*codes, **changed):
    known = {one["code"]: one for one in LISTED}
    return {
        "agreements": {code: known[code] | {"opened_at": "1", "finished_at": "2"} | changed for code in codes}
    }


def known(held, **more):
    return context(held=held, data={"agreements": {"content": "c1", "documents": LISTED}}, **more)


def signed(*codes, content="c1"):
    return {**read(*codes), "signed": {"content": content, "serial": SERIAL, "at": "3"}}


SERIAL = "0123456789abcdef0123456789abcdef01234567"
AGREED = {"agreements": {"agreed": True}}
BOTH = ("customer_notice", "risk_statement")


def test_g43_unread_agreements_are_named():
    [message] = said("agreements", AGREED, known(read("customer_notice")))
    assert message == "请先阅读完《期货交易风险说明书》"


def test_an_agreement_only_opened_is_not_read():
    held = read("customer_notice", "risk_statement")
    held["agreements"]["customer_notice"]["finished_at"] = None
    assert said("agreements", AGREED, known(held)) == ["请先阅读完《客户须知》"]


def test_r158_a_newer_version_is_read_again():
    held = read("customer_notice", "risk_statement", version="0")
    [message] = said("agreements", AGREED, known(held))
    assert message == "《客户须知》《期货交易风险说明书》已更新，请重新阅读并同意"


def test_r152_without_the_tick_nothing_is_signed():
    [message] = said("agreements", {}, known(read("customer_notice", "risk_statement")))
    assert message == "请勾选「我已阅读并同意 以上所有协议和业务规则内容」"


def test_what_was_signed_is_stored_with_version_and_time():
    answers = accepted("agreements", AGREED, known(signed(*BOTH))).answers
    assert answers["how"] == "certificate"
    assert [one["code"] for one in answers["documents"]] == ["customer_notice", "risk_statement"]
    assert answers["documents"][0] == {
        "code": "customer_notice", "title": "客户须知", "version": "3", "sha256": "a", "read_at": "2",
        "content": "c1", "agreed_at": "2026-03-18T02:00:00+00:00",
    }  # fmt: skip


def test_r156_agreeing_without_a_signature_is_not_enough():
    assert said("agreements", AGREED, known(read(*BOTH))) == ["请先输入证书密码完成签署"]


def test_a_signature_over_what_was_answered_before_does_not_count():
    assert said("agreements", AGREED, known(signed(*BOTH, content="c0"))) == ["请先输入证书密码完成签署"]


def test_a_signature_is_never_taken_from_the_client():
    forged = {"agreements": {"agreed": True, "signed": {"content": "c1", "serial": SERIAL}}}
    assert said("agreements", forged, known(read(*BOTH))) == ["请先输入证书密码完成签署"]


def test_r154_without_a_certificate_the_customer_goes_for_one_having_read_and_agreed():
    applies = {"agreements": {"agreed": True, "way": "apply"}}
    assert accepted("agreements", applies, known(read(*BOTH))).answers["how"] == "apply"
    assert said("agreements", applies, known(read("customer_notice"))) == ["请先阅读完《期货交易风险说明书》"]


def test_the_certificate_a_browser_names_is_kept_if_it_looks_like_one():
    for named, kept in ((SERIAL, SERIAL), ("../etc", ""), (["x"], ""), (None, "")):
        applies = {"agreements": {"agreed": True, "way": "apply", "device": named}}
        assert accepted("agreements", applies, known(read(*BOTH))).answers["device"] == kept


def test_who_has_signed_cannot_leave_for_another_certificate():
    applies = {"agreements": {"agreed": True, "way": "apply"}}
    assert accepted("agreements", applies, known(signed(*BOTH))).answers["how"] == "certificate"


def test_who_changed_an_answer_has_not_seen_what_is_signed_now():
    held = signed(*BOTH)
    for one in held["agreements"].values():
        one["content"] = "c0"
    assert said("agreements", AGREED, known(held)) == ["请先阅读完《客户须知》《期货交易风险说明书》"]


def test_r158_for_a_newer_version_one_goes_without_reading_the_old_one():
    newer = {"agreements": {"way": "changed"}}
    assert accepted("agreements", newer, known({})).answers["how"] == "changed"


def test_what_was_read_before_in_this_case_needs_no_second_reading():
    applies = {"agreements": {"agreed": True, "way": "apply"}}
    before = accepted("agreements", applies, known(read(*BOTH))).answers
    now = {"signed": signed(*BOTH)["signed"]}
    assert said("agreements", AGREED, known(now, previous=before)) == []


def test_reading_is_never_taken_from_the_client():
    forged = {"agreements": {"agreed": True, **read("customer_notice", "risk_statement")["agreements"]}}
    assert said("agreements", forged, known({})) == ["请先阅读完《客户须知》《期货交易风险说明书》"]


def test_without_a_list_nothing_is_signed():
    assert "协议清单尚未准备好，请刷新页面后重试" in said("agreements", AGREED, context())
