"""What an agent's decision does to a case: passed, sent back to the step that is wrong, refused."""

import pytest
from sqlalchemy import select, update

import forms
from engine import Actor, clock, parameters
from engine.store.tables import CaseRow, JournalRow, WorkItemRow
from handlers.video.errors import Moved
from handlers.video.tables import CallRow
from tests.agents_at_work import Agent, recorded, waits, witness


@pytest.fixture
def web(product):
    """Return the parts of the product."""
    return product.product.web


@pytest.fixture
def zhang(customer):
    """Lend C01 on the page 视频见证, on the way to another phone number."""
    customer.signs_in("C01").starts("change_phone").gives_pictures().types_phone("13612345678")
    customer.reads_agreements()
    customer.answers(agreements__agreed="true", agreements__way="apply")
    return customer


@pytest.fixture
def in_call(web, zhang):
    """Lend an agent, the ticket and the call they share with C01."""
    agent = Agent(web)
    waits(web, zhang.case)
    ticket = agent.is_offered()
    call = agent.accepts(ticket)
    recorded(web, call)
    return agent, ticket, call


def state(product):
    return product.rows()[-1].state


def test_the_case_says_where_the_customer_is(product, web, zhang):
    assert state(product) == "await_video"
    ticket = waits(web, zhang.case)
    assert state(product) == "queued"
    agent = Agent(web)
    agent.accepts(agent.is_offered())
    assert state(product) == "in_call"
    web.queue.leave(zhang.case, ticket.owner)
    assert state(product) == "await_video"


def test_g48_nobody_is_passed_before_two_pictures_and_fifteen_seconds(web, zhang):
    agent = Agent(web)
    waits(web, zhang.case)
    ticket = agent.is_offered()
    call = agent.accepts(ticket)
    recorded(web, call, {"customer": 14_000, "agent": 20_000})
    with pytest.raises(forms.AnswersRejected) as rejected:
        agent.decides(ticket)
    told = [one.message for one in rejected.value.problems]
    assert told == [
        "请先拍摄正脸照片，再给出通过结果",
        "请先拍摄手持身份证照片，再给出通过结果",
        "双方录音录像不足15秒，请继续通话后再给出通过结果",
    ]
    with web.engine.database.reading() as session:
        assert session.get_one(CallRow, call.id).outcome is None, "the call goes on"


def test_a_customer_who_is_passed_installs_a_certificate_next(product, zhang, in_call):
    agent, ticket, _ = in_call
    agent.photographs(ticket)
    assert agent.decides(ticket).state == "passed"
    assert state(product) == "await_cert"
    zhang.opens(f"/me/tasks/{zhang.task}")
    assert zhang.sees("数字证书申请")
    _, _, data = product.engine.cases.data(zhang.case, agent.actor)
    assert data["witnessed"]["agent"] == "苏晴"
    assert data["video"]["licence"] == "F0300005"
    assert {one["kind"] for one in data["video"]["snapshots"]} == {"face", "card"}


def test_a_decision_given_twice_counts_once(web, zhang, in_call):
    agent, ticket, _ = in_call
    agent.photographs(ticket)
    ticks = agent.ticks_everything(ticket)
    posted = {**ticks, "decision": {"decision": "approve"}}
    first = web.witnessing.decide(ticket.id, ticket.epoch, agent.actor, posted)
    again = {**ticks, "decision": {"decision": "reject", "reasons": ["X01"]}}
    assert web.witnessing.decide(ticket.id, ticket.epoch, agent.actor, again) == first
    with web.engine.database.reading() as session:
        decided = select(JournalRow.kind).where(
            JournalRow.subject == f"case:{zhang.case}", JournalRow.kind == "task.decided"
        )
        assert len(session.scalars(decided).all()) == 1


def test_only_who_is_in_the_call_decides(web, zhang, in_call):
    agent, ticket, _ = in_call
    posted = {"decision": {"decision": "return", "reasons": ["V01"]}}
    with pytest.raises(Moved):
        web.witnessing.decide(ticket.id, ticket.epoch, Agent(web, "agent2").actor, posted)
    with pytest.raises(Moved):
        web.witnessing.decide(ticket.id, ticket.epoch - 1, agent.actor, posted)
    with pytest.raises(Moved):
        web.witnessing.decide(ticket.id, ticket.epoch, zhang_actor(web, zhang), posted)


def zhang_actor(web, zhang):
    with web.engine.database.reading() as session:
        owner = session.get_one(CaseRow, zhang.case).owner
    return Actor("customer", owner, frozenset({"customer"}), company="0002")


def test_g49_who_is_sent_back_stands_at_the_dates_with_the_reason_and_the_pictures(product, customer):
    customer.signs_in("C02").starts("change_id_validity").gives_pictures()
    customer.answers(validity__from="2025-03-11", validity__until="2045-03-11")
    customer.reads_agreements()
    customer.answers(agreements__agreed="true", agreements__way="apply")
    customer.is_witnessed("return", reasons=["D01"])
    assert state(product) == "returned_video"
    assert customer.sees("身份信息资料")
    assert customer.sees("视频见证打回，请按以下原因修改")
    assert customer.sees("有效期与证件不一致")
    again = {"validity__from": "2025-03-11", "validity__until": "2045-03-11"}
    customer.answers(**again, confirm="SAME_AFTER_RETURN")
    _, _, data = product.engine.cases.data(customer.case, Agent(product.product.web).actor)
    assert data["photos"]["front"]["file"], "the pictures are still there"
    assert "returned" not in state(product)
    customer.reads_agreements()
    customer.answers(agreements__agreed="true", agreements__way="apply")
    assert customer.is_to_be_witnessed
    customer.is_witnessed()
    assert customer.sees("数字证书申请")


def test_v01_who_was_not_seen_well_stays_at_the_witness(product, zhang):
    zhang.is_witnessed("return", reasons=["V01"])
    assert state(product) == "returned_video"
    assert zhang.is_to_be_witnessed
    assert zhang.sees("视频画面或声音不清晰")
    zhang.is_witnessed()
    assert zhang.sees("数字证书申请")


def test_p02_a_signature_that_was_not_readable_in_the_call_is_given_again(product, zhang):
    zhang.is_witnessed("return", reasons=["P02"])
    assert zhang.sees("上传证件照/签名照")
    assert zhang.sees("签名照不清晰")


def test_x01_an_impostor_is_refused_for_good_and_compliance_is_told(product, zhang):
    zhang.is_witnessed("reject", reasons=["X01"])
    row = product.rows()[-1]
    assert (row.state, row.closed_at is not None) == ("rejected", True)
    assert "COMPLIANCE_ALERT" in row.flags
    product.run_jobs()
    told = product.messages("13800138001")[0].text
    assert "未通过：人证不一致" in told


def test_back_from_the_certificate_leads_to_the_agreements_and_not_into_another_call(zhang):
    zhang.is_witnessed()
    zhang.goes_back()
    assert zhang.sees("协议签署")


def test_a18_branches_that_share_a_queue_witness_each_others_customers(product, web, zhang):
    with web.engine.database.transaction() as session:
        for table in (CaseRow, WorkItemRow):
            session.execute(update(table).values(branch="上海营业部"))
    pool = {"company": {"pooled_branches": [["杭州营业部", "上海营业部"]]}}
    parameters.change(web.engine.database, pool, "a", "b", clock.now())
    witness(web, zhang.case, login="agent1")  # of 杭州营业部
    assert state(product) == "await_cert"
