"""基本资料 (domain 1.6): what a customer sees of the own data, and what is said about it."""

import re
from datetime import timedelta

from sqlalchemy import select

from engine import clock, parameters
from engine.store.tables import JournalRow
from handlers import fixtures


def test_g11_three_sections_stand_there_with_masks_and_hints(customer):
    customer.signs_in("C01")
    for words in ("身份信息", "(修改身份证有效期)", "(修改联系电话)", "(修改联系地址、邮编、学历等信息)"):
        assert customer.sees(words)


def test_g11_no_full_value_stands_on_the_page(customer):
    customer.signs_in("C01")
    for value in ("张伟", "110105198506123737", "13800138001", "建国路88号院2号楼1205室"):
        assert not customer.sees(value), value


def test_g11_masks_are_those_everybody_knows(customer):
    customer.signs_in("C01")
    for mask in ("张*", "110105********3737", "138****8001", "北京市******", "c***@example.com"):
        assert customer.sees(mask), mask


def test_r078_a_value_is_shown_when_asked_for(customer):
    customer.signs_in("C01").posts("/me/reveal", {"field": "id_number"})
    assert customer.sees("110105198506123737")


def test_r078_only_the_value_asked_for_is_shown(customer):
    customer.signs_in("C01").posts("/me/reveal", {"field": "id_number"})
    assert not customer.sees("13800138001")


def test_r078_showing_a_value_is_written_down(product, customer):
    customer.signs_in("C01").posts("/me/reveal", {"field": "mobile"})
    with product.engine.database.reading() as session:
        kinds = session.scalars(select(JournalRow.kind).where(JournalRow.subject.like("customer:%"))).all()
    assert kinds.count("profile.revealed") == 1


def test_g12_a_card_that_ends_soon_is_announced_with_the_days_left(customer):
    assert customer.signs_in("C07").sees("还有14天")


def test_g13_an_expired_card_is_announced_with_the_days_since(customer):
    customer.signs_in("C02")
    assert customer.sees("证件已过期373天")
    assert customer.sees("90天期限已过")


def test_g13_the_notice_leads_to_the_id_flow(customer):
    customer.signs_in("C02")
    notice = customer.text.partition("证件已过期373天")[2][:600]
    assert 'action="/me/start/change_id_validity"' in notice


def test_g14_the_checkup_lists_what_is_missing_or_out_of_date(customer):
    customer.signs_in("C09")
    assert customer.sees("邮政编码未填写")
    assert customer.sees("职业代码已停用")


def test_nothing_is_listed_for_somebody_whose_data_are_complete(customer):
    assert not customer.signs_in("C01").sees("资料体检")


def test_r077_the_last_copy_is_shown_when_the_counter_is_down(product, customer):
    customer.signs_in("C01")
    product.counter_is("down")
    customer.opens("/me")
    assert customer.sees("以下为上次读取的资料，暂时不能修改")
    assert customer.sees("138****8001")


def test_r077_no_change_begins_while_the_counter_is_down(product, customer):
    customer.signs_in("C01")
    product.counter_is("down")
    customer.posts("/me/start/change_phone")
    assert product.rows() == []
    assert customer.sees("柜台系统暂时无法连接")


def test_r077_the_change_buttons_are_gone_while_the_counter_is_down(product, customer):
    customer.signs_in("C01")
    product.counter_is("down")
    assert "/me/start/" not in customer.opens("/me").text


def test_a29_a_company_may_ask_for_the_card_first(product, customer):
    parameters.change(product.engine.database, {"id_expired_blocks": True}, "a", "b", clock.now())
    customer.signs_in("C02").starts("change_phone")
    assert product.rows() == []
    assert customer.sees("请先更新身份证有效期")


def test_r211_starting_again_goes_on_with_the_open_change(product, customer):
    customer.signs_in("C01").starts("change_phone")
    task = customer.task
    customer.posts("/me/start/change_phone")
    assert customer.task == task
    assert len(product.rows()) == 1


def test_r211_two_changes_of_different_parts_may_be_open(product, customer):
    customer.signs_in("C01").starts("change_phone").starts("change_other_info")
    assert len(product.rows()) == 2


def test_r079_an_open_change_offers_to_go_on_or_to_give_up(customer):
    customer.signs_in("C01").starts("change_phone").opens("/me")
    assert customer.sees("填写中（未提交照片）")
    assert customer.sees("继续办理")
    assert customer.sees("放弃")


def test_r210_giving_up_closes_the_change(product, customer):
    customer.signs_in("C01").starts("change_phone")
    customer.posts(f"/me/cases/{customer.case}/abandon")
    assert product.rows()[0].state == "abandoned"


def test_r210_what_waits_for_review_can_be_withdrawn(product, customer):
    customer.signs_in("C01").submits_phone()
    customer.opens("/me")
    customer.posts(f"/me/cases/{customer.case}/withdraw")
    assert product.rows()[0].state == "withdrawn"


def test_r210_what_is_under_review_cannot_be_withdrawn(product, customer, reviewer):
    customer.signs_in("C01").submits_phone()
    reviewer.claims()
    customer.opens("/me")
    customer.posts(f"/me/cases/{customer.case}/withdraw")
    assert product.rows()[0].state == "in_review"
    assert customer.sees("当前状态不能撤回")


def test_g51_the_old_value_stands_until_the_counter_confirms(product, customer, reviewer):
    customer.signs_in("C01").submits_phone("13612345678")
    customer.opens("/me")
    assert customer.sees("138****8001")
    reviewer.claims().approves()
    customer.opens("/me")
    assert customer.sees("136****5678")
    assert customer.sees("已生效")


def test_r082_past_changes_are_listed_with_number_and_result(product, customer, reviewer):
    customer.signs_in("C01").submits_phone()
    reviewer.claims().approves()
    customer.opens("/me")
    number = product.rows()[0].number
    assert number is not None
    assert number.startswith("170002")
    assert customer.sees(number)


def test_r082_the_agreements_of_a_change_can_be_downloaded_signed(customer):
    customer.signs_in("C01").submits_phone()
    customer.opens(f"/me/cases/{customer.case}?progress=1")
    links = re.findall(rf"/me/cases/{customer.case}/papers/[0-9a-f-]+\.pdf", customer.text)
    assert len(links) == 4
    answer = customer.opens(links[0])
    assert answer.data.startswith(b"%PDF-")
    assert "attachment" in answer.headers["Content-Disposition"]


def test_r212_what_was_signed_is_listed_under_downloads(customer, another_customer):
    customer.signs_in("C01").submits_phone()
    customer.opens("/me/agreements")
    assert customer.sees("期货经纪合同")
    link = re.search(r"/me/cases/[0-9a-f-]+/papers/[0-9a-f-]+\.pdf", customer.text)
    assert link
    another_customer.signs_in("C02")
    assert another_customer.opens(link[0]).status_code == 404
    assert another_customer.opens("/me/agreements").status_code == 200
    assert another_customer.sees("还没有签署过协议")


def test_the_copy_of_yesterday_says_when_it_was_read(product, customer):
    customer.signs_in("C01")
    product.counter_is("down")
    read_at = clock.shanghai(clock.now())
    product.later(minutes=10)
    customer.opens("/me")
    shown = {f"{read_at + timedelta(minutes=m):%Y-%m-%d %H:%M}" for m in (-1, 0)}
    assert any(customer.sees(moment) for moment in shown)


def test_r101_pictures_on_file_are_the_owners_to_see(customer):
    customer.signs_in("C06")
    assert customer.opens("/me/on-file/front").data.startswith(b"\xff\xd8")


def test_pictures_on_file_are_shown_to_nobody_without_signing_in(product):
    assert product.client().get("/me/on-file/front").status_code == 303


def test_a_customer_of_the_fixtures_is_who_the_pages_say(customer):
    assert customer.signs_in("C10").sees(fixtures.CUSTOMERS["C10"].name[0] + "*")
