"""The desk of staff: the inbox, one case at a time, and decisions (R-202 to R-207)."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from engine.store.tables import JournalRow
from tests.product import Customer, Reviewer, photo

PASSED, WRONG = "已提交决定", "登录名、密码或动态口令错误"


def sent_in(customer: Customer, key: str = "C01") -> Customer:
    """Let a customer submit a change of phone."""
    return customer.signs_in(key).submits_phone()


# -- signing in -----------------------------------------------------------------------------------------


def test_a_reviewer_signs_in_with_password_and_one_time_number(reviewer):
    assert reviewer.sees("任务箱")


@pytest.mark.parametrize("wrong", ["username", "password", "code"])
def test_whatever_is_wrong_the_answer_is_the_same(product, wrong):
    someone = Reviewer(product, "reviewer1")
    right = product.secrets["reviewer1"]
    form = {"username": "reviewer1", "password": right["password"], "code": "000000"}
    someone.opens("/desk/login")
    someone.posts("/desk/login", form | {wrong: "111111" if wrong == "code" else "nobody-like-this"})
    assert someone.sees(WRONG)


def test_a_one_time_number_is_good_once(product, reviewer):
    from handlers import fixtures

    told = product.secrets["reviewer1"]
    other = Reviewer(product, "reviewer1")
    other.opens("/desk/login")
    code = fixtures.totp_now(told["totp"])
    other.posts("/desk/login", {"username": "reviewer1", "password": told["password"], "code": code})
    assert other.sees(WRONG)


def test_the_desk_asks_a_stranger_to_sign_in(product):
    answer = product.client().get("/desk")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/desk/login"


def test_a_customer_has_no_desk(customer):
    customer.signs_in("C01").opens("/desk")
    assert customer.address == "/desk/login"


def test_staff_who_left_are_out_at_once(product, reviewer):
    from engine import clock

    member = next(m for m in product.product.web.staff.everybody() if m.login == "reviewer1")
    product.product.web.staff.disable(member.id, clock.now())
    assert reviewer.browser.get("/desk").status_code == 303


def test_an_analyst_sees_the_desk_and_no_case(product, customer, staff):
    sent_in(customer)
    analyst = staff("analyst1")
    task = Reviewer(product, "reviewer1").tasks()[0].task_id
    assert analyst.opens(f"/desk/tasks/{task}").status_code == 403


# -- the inbox ------------------------------------------------------------------------------------------


def test_a_submitted_change_waits_in_the_inbox_with_the_name_masked(customer, reviewer):
    sent_in(customer)
    reviewer.opens("/desk")
    assert reviewer.sees("联系电话修改")
    assert reviewer.sees("张*")
    assert not reviewer.sees("张伟")


def test_r007_another_branch_does_not_see_it(customer, staff):
    sent_in(customer)
    assert not staff("reviewer3").opens("/desk").text.count("联系电话修改 ")


def test_r007_another_branch_cannot_open_it_either(product, customer, staff):
    sent_in(customer)
    task = Reviewer(product, "reviewer1").tasks()[0].task_id
    assert staff("reviewer3").opens(f"/desk/tasks/{task}").status_code == 404


FILTERED = {
    "type=change_phone": True,
    "type=change_id_validity": False,
    "branch=杭州营业部": True,
    "branch=上海营业部": False,
    "who=free": True,
    "who=mine": False,
    "age=4": False,
    "age=' or 1=1": True,
    "type=';drop table": False,
}


def test_r202_the_inbox_is_filtered(customer, reviewer):
    sent_in(customer)
    for query, there in FILTERED.items():
        rows = reviewer.opens(f"/desk/rows?{query}").text
        assert ("list__open" in rows) is there, query


def test_r202_what_waits_long_is_found_by_its_age(product, customer, reviewer):
    sent_in(customer)
    product.later(minutes=10)
    with product.engine.database.transaction() as session:
        from sqlalchemy import update

        from engine.store.tables import WorkItemRow

        session.execute(update(WorkItemRow).values(opened_at=WorkItemRow.opened_at - timedelta(hours=5)))
    assert "list__open" in reviewer.opens("/desk/rows?age=4").text


def test_r202_a_claimed_task_shows_who_has_it(customer, reviewer, second_reviewer):
    sent_in(customer)
    reviewer.claims()
    second_reviewer.opens("/desk")
    assert second_reviewer.sees("沈静")


def test_r202_two_reviewers_never_have_the_same_task(product, customer, reviewer, second_reviewer):
    sent_in(customer)
    task = reviewer.tasks()[0].task_id
    reviewer.claims(task)
    second_reviewer.opens("/desk")
    second_reviewer.posts(f"/desk/tasks/{task}/claim")
    assert second_reviewer.sees("该任务已由其他人员领取")


def test_a_released_task_is_free_for_another(product, customer, reviewer, second_reviewer):
    sent_in(customer)
    task = reviewer.tasks()[0].task_id
    reviewer.claims(task)
    reviewer.posts(f"/desk/tasks/{task}/release")
    assert product.rows()[0].state == "submitted"
    assert second_reviewer.claims(task).sees("提交决定")


# -- one case -------------------------------------------------------------------------------------------


def test_r203_old_and_new_stand_side_by_side(customer, reviewer):
    sent_in(customer)
    reviewer.claims()
    row = re.search(r'compare__changed">(.*?)</tr>', reviewer.text, re.DOTALL)
    assert row
    assert "13800138001" in row[1]
    assert "13612345678" in row[1]


def test_r203_the_pictures_can_be_seen_and_every_look_is_written_down(product, customer, reviewer):
    sent_in(customer)
    reviewer.claims()
    urls = re.findall(r"/desk/cases/[^\"]+/files/[0-9a-f-]{36}", reviewer.text)
    assert reviewer.browser.get(urls[0]).data.startswith(b"\xff\xd8")
    with product.engine.database.reading() as session:
        seen = session.scalars(select(JournalRow.actor).where(JournalRow.kind == "photo.seen")).all()
    assert seen == [reviewer.actor.label]


def test_r203_pictures_kept_from_the_file_can_be_seen_too(customer, reviewer):
    customer.signs_in("C06").starts("change_phone").reads("certificate_duties")
    customer.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    customer.types_phone("13612345678").signs()
    customer.product.run_jobs()
    reviewer.claims()
    url = re.search(r"/desk/cases/[^\"]+/on-file/front", reviewer.text)
    assert url
    assert reviewer.browser.get(url[0]).data.startswith(b"\xff\xd8")


def test_r203_agreements_stand_there_with_version_and_hash(customer, reviewer):
    sent_in(customer)
    reviewer.claims()
    assert reviewer.sees("客户须知")
    assert re.search(r'class="hash" title="[0-9a-f]{64}"', reviewer.text)


def test_a_decision_needs_a_claim_first(product, customer, reviewer):
    sent_in(customer)
    task = reviewer.tasks()[0].task_id
    reviewer.opens(f"/desk/tasks/{task}")
    reviewer.posts(f"/desk/tasks/{task}", {"decision": "approve"})
    assert product.rows()[0].state == "submitted"


def test_sending_back_without_a_reason_is_explained(product, customer, reviewer):
    sent_in(customer)
    reviewer.claims().returns()
    assert reviewer.page.status_code == 422
    assert product.rows()[0].state == "in_review"


def test_an_internal_note_never_reaches_the_customer(customer, reviewer):
    sent_in(customer)
    reviewer.claims().returns("D02", internal_note="疑似代办", note="请核对号码")
    customer.opens("/me")
    assert not customer.sees("疑似代办")
    assert customer.sees("请核对号码")


def test_g50_a_bad_signature_comes_back_and_only_the_signature_is_open(product, customer, reviewer):
    sent_in(customer)
    reviewer.claims().returns("P02")
    assert any("签名照不清晰" in one.text for one in product.messages("13800138001"))
    customer.opens("/me")
    assert customer.sees("立即处理")
    customer.opens(f"/me/cases/{customer.case}")
    assert customer.sees("签名照不清晰")
    assert customer.uploads("front").status_code == 422
    assert customer.uploads("signature", photo("signature", again=True)).status_code == 200


def test_g50_after_signing_again_it_waits_for_review_again(product, customer, reviewer):
    sent_in(customer)
    reviewer.claims().returns("P02")
    customer.opens(f"/me/cases/{customer.case}")
    customer.uploads("signature", photo("signature", again=True))
    customer.reads("certificate_duties")
    customer.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    customer.answers(phone__number="13612345678")
    customer.signs()
    product.run_jobs()
    assert product.rows()[0].state == "submitted"


def test_a_refusal_is_final_and_told_with_its_reason(product, customer, reviewer):
    sent_in(customer)
    reviewer.claims().rejects("X04")
    assert product.rows()[0].state == "rejected"
    assert customer.opens("/me").text.count("不符合网上办理条件，请临柜办理")


def test_only_reasons_about_what_was_asked_are_offered(customer, reviewer):
    sent_in(customer)
    reviewer.claims()
    assert reviewer.sees("联系电话有误或无法接通")
    assert not reviewer.sees("邮政编码与地址不符")
    assert not reviewer.sees("有效期与证件不一致")


def test_r209_it_is_the_new_number_that_is_told_it_is_in_effect(product, customer, reviewer):
    sent_in(customer)
    reviewer.claims().approves()
    assert any("已生效" in one.text for one in product.messages("13612345678"))
    assert not any("已生效" in one.text for one in product.messages("13800138001"))


def test_r207_an_approved_change_is_in_effect_once_the_counter_says_so(product, customer, reviewer):
    sent_in(customer)
    reviewer.claims().approves()
    assert product.rows()[0].state == "in_effect"
    assert product.profile("C01").mobile == "13612345678"


def test_deciding_twice_changes_nothing(product, customer, reviewer):
    sent_in(customer)
    task = reviewer.tasks()[0].task_id
    reviewer.claims(task).approves()
    reviewer.posts(f"/desk/tasks/{task}", {"decision": "reject", "reasons": "X04"})
    assert product.rows()[0].state == "in_effect"
    assert reviewer.sees("该任务已处理完成")


def test_a_task_that_never_was_is_not_found(reviewer):
    assert reviewer.opens(f"/desk/tasks/{uuid4()}").status_code == 404


def test_the_next_reviewer_reads_why_it_was_sent_back(customer, reviewer, second_reviewer):
    customer.signs_in("C01").submits_phone()
    reviewer.claims().returns("D02", note="请改为本人号码")
    customer.product.later(minutes=2)  # a new code may be asked for again
    customer.opens(f"/me/cases/{customer.case}")
    customer.types_phone("13612345699").signs()
    second_reviewer.claims()
    assert second_reviewer.sees("上次打回的原因")
    assert second_reviewer.sees("请改为本人号码")
